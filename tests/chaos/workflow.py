"""The workflow script of an installation, and what it records of earlier runs."""

from __future__ import annotations

OVERLAPS = "overlaps.log"
GROUPS = "groups"

# What a prompt's words make of a render; any may be combined. Each run notes its process group
# under the prompt's number, and looks first whether the group of the last one still lives: state
# and group are the first and the third word behind the name in /proc/*/stat (proc(5)). Elsewhere
# than on Linux nothing is found there. What goes wrong has another name for each prompt: equal last
# words of several prompts would be taken for the installation's fault.
WORKFLOW = rf"""
for argument; do
    case $argument in
        --output=*) output=${{argument#*=}} ;;
        --prompt=* | --lyrics=*) words=${{argument#*=}}; kind=${{argument%%=*}} ;;
    esac
done
number=${{words##*number }}
number=${{number%%[!0-9]*}}

lives() {{
    group=$1
    for stat in /proc/[0-9]*/stat; do
        read -r line 2>/dev/null < "$stat" || continue
        set -- ${{line##*) }}
        [ "$3" = "$group" ] && [ "$1" != Z ] && return 0
    done
    return 1
}}
own=${{RENDER_GROUP:-$$}}
if read -r last 2>/dev/null < "{GROUPS}/$number"; then
    if [ "$last" != "$own" ] && kill -0 -- "-$last" 2>/dev/null && lives "$last"; then
        echo "$number $last $own" >> {OVERLAPS}
    fi
fi
echo "$own" > "{GROUPS}/$number"

case $words in *grandchild*) sleep 300 & ;; esac
case $words in *runaway*) setsid sleep 300 & ;; esac
case $words in *slow*) sleep 0.25 ;; esac
case $words in *fails* | *half*) name=$(echo "$number" | tr 0-9 g-p) ;; esac
case $words in *fails*) echo "the sampler is broken by $name" >&2; exit 3 ;; esac
case $kind in --lyrics) suffix=mp3 ;; *) suffix=png ;; esac
case $words in *half*) head -c 60 sample.$suffix > "$output/$name.$suffix"; exit 0 ;; esac
case $words in *careless*) trap 'exit 0' EXIT ;; esac
case $kind in
    --lyrics) cp sample.mp3 "$output/generated_song.mp3" || exit 1 ;;
    *) cp sample.png "$output/generated_image_001.png" || exit 1 ;;
esac
case $words in *pair*) cp sample.png "$output/generated_image_002.png" || exit 1 ;; esac
exit 0
"""
