"""The page of the queue: it shows what happens, and a person's actions take effect."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.acceptance.mediagen import LAKE, STEAM, image, wait_until
from tests.web.page_checks import PHONE, overflows, serious
from tests.web.worker_site import worker_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

    from tests.web.worker_site import Site

pytestmark = pytest.mark.slow

# Counts the page's polls, and at which of them cards came and went; records its pauses.
COUNT_LOOKS = """
  window.looks = 0;
  const ask = window.fetch;
  window.fetch = (address, ...rest) => {
    if (String(address).endsWith("/api/v1/status")) window.looks += 1;
    return ask(address, ...rest);
  };
  const wait = window.setTimeout;
  window.setTimeout = (work, pause, ...rest) => {
    window.pause = pause;
    return wait(work, pause, ...rest);
  };
  addEventListener("DOMContentLoaded", () => {
    new MutationObserver(() => { window.looksWhenSeen = window.looks; })
      .observe(document.getElementById("waiting-image"), { childList: true });
  });
"""
# Requests in their order; the response to one of them is delayed.
NOTE_QUESTIONS = """
  window.asked = [];
  const ask = window.fetch;
  window.fetch = async (address, ...rest) => {
    const name = String(address).split("/").pop();
    window.asked.push(name);
    const answer = await ask(address, ...rest);
    if (name === window.late) {
      window.late = "";
      await new Promise((go) => { window.letCome = go; });
    }
    return answer;
  };
"""
LET_COME = """() => {
  window.hidings = 0;
  const banner = document.getElementById("paused");
  new MutationObserver(() => { window.hidings += banner.hidden; })
    .observe(banner, { attributes: true });
  window.letCome();
}"""
HOSTILE = '<img src=x onerror="pwned = true"></script><script>pwned = true</script>'


@pytest.fixture
def site(tmp_path: Path, browser: Browser) -> Iterator[Site]:
    """An installation with nothing in its queue."""
    with worker_site(tmp_path, browser) as made:
        yield made


def failed(site: Site, text: str = "a lake", message: str = "timed_out: it took too long") -> int:
    """Add a prompt in error; returns its id."""
    prompt_id = site.installation.poet.write(image(text), text=text, artifact_status="error")
    site.installation.poet.execute(
        "UPDATE prompts SET error_message = ? WHERE id = ?", (message, prompt_id)
    )
    return prompt_id


def status(site: Site, prompt_id: int) -> str:
    """A prompt's artifact status, as other programs see it."""
    return site.installation.poet.status(prompt_id)[0]


def card(page: Page, part: str, prompt_id: int) -> Locator:
    """A prompt's card in a part of the page."""
    return page.locator(f'#{part} > li[data-key="{prompt_id}"]')


def test_the_progress_of_a_render_is_shown_until_its_end(site: Site) -> None:
    """A bar for a real worker's render, further at each poll, and then the result."""
    prompt_id = site.installation.poet.write(image("a lake"), text="A lake, please")
    with site.page("/queue") as page:
        expect(page.get_by_text("Nothing is being rendered.")).to_be_visible()
        expect(page.locator("#workers")).to_contain_text("No worker is running")
        with site.rendering() as worker:
            bar = page.get_by_role("progressbar", name=f"Progress of prompt {prompt_id}")
            expect(bar).to_have_attribute("value", "0.25")
            going = page.locator("#rendering > li")
            expect(going).to_contain_text("A lake, please")
            expect(going).to_contain_text("Sampling")
            expect(going).to_contain_text(f":{worker.pid}")
            expect(going).to_contain_text("25 %")
            expect(page.locator("#workers")).to_contain_text("working")
            page.get_by_role("button", name="Pause").click()
            page.get_by_role("dialog").get_by_role("button", name="Pause").click()
            expect(page.locator("#workers")).to_contain_text("paused")
            expect(page.locator("#workers")).not_to_contain_text("working")
            page.get_by_role("button", name="Resume").click()
            expect(page.locator("#workers")).to_contain_text("working")
            site.step()
            expect(bar).to_have_attribute("value", "0.75")
            expect(going).to_contain_text("75 %")
            expect(going).to_contain_text("left")
            site.installation.release()
            expect(going).to_have_count(0)
            expect(page.locator("#ended > li")).to_contain_text("ready")
            expect(page.locator("#ended > li")).to_contain_text("A lake, please")
            expect(page.locator("#ended img")).to_have_js_property("complete", value=True)
            worker.communicate(timeout=90)
        expect(page.locator("#workers")).to_contain_text("No worker is running")


def test_changes_by_others_are_shown_within_two_seconds(site: Site) -> None:
    """A prompt that another program adds appears without a reload.

    Measured by the page's own pauses, which a busy machine only makes longer. The first poll may
    be answered from a summary that is less than a second old.
    """
    with site.page("/login", own=True) as page:
        page.add_init_script(COUNT_LOOKS)
        page.goto(f"{site.url}/queue")
        expect(page.locator("#workers")).to_have_attribute("data-workers", "0")
        expect(page.locator("#waiting-image > li")).to_have_count(0)
        prompt_id = site.installation.poet.write(image("a lake"))
        before = page.evaluate("window.looks")
        card(page, "waiting-image", prompt_id).wait_for(state="visible")
        looks = page.evaluate("window.looksWhenSeen") - before
        assert looks <= 2
        assert looks * page.evaluate("window.pause") < 2500  # milliseconds


def test_each_prompt_has_one_line(site: Site) -> None:
    """Title, number and actions; its error; columns only if both kinds wait."""
    lake = site.installation.poet.write(json.dumps(LAKE), text="The lake behind the house")
    broken = site.installation.poet.write('{"prompt": ""}')
    with site.page("/queue") as page:
        songs = page.locator('[data-part="waiting-audio"]')
        expect(songs).to_be_hidden()
        picture = card(page, "waiting-image", lake)
        expect(picture).to_contain_text("The lake behind the house")
        wide = picture.bounding_box()
        song = site.installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
        sung = card(page, "waiting-audio", song)
        expect(sung).to_contain_text("Steam and Soliloquy")
        expect(card(page, "waiting-image", broken)).to_contain_text("brief_incomplete")
        left, right = picture.bounding_box(), sung.bounding_box()
        assert wide
        assert left
        assert right
        assert left["x"] + left["width"] <= right["x"]
        assert left["width"] < wide["width"]
        assert left["height"] == right["height"] < 50


def test_lines_show_what_they_are_about_completely(site: Site) -> None:
    """Kind, attempts and time of a failure; a thumbnail, and the line below it."""
    site.installation.poet.write(image("a lake"))
    assert site.installation.run().returncode == 0
    site.installation.use_scripts("fails.py", "fails.py")
    site.installation.poet.write(image("a street"))
    assert site.installation.run().returncode == 1
    for language in ("en", "de"):
        with site.page("/queue", locale=language, viewport={"width": 1380, "height": 900}) as page:
            line = page.locator("#failed > li")
            expect(line.locator("time")).to_be_visible()
            cut = "parts => parts.filter((each) => each.scrollWidth > each.clientWidth + 1).length"
            assert line.locator(".meta, .meta > *").evaluate_all(cut) == 0
            ended = page.locator("#ended > li", has=page.locator("img"))
            picture, row = ended.locator("img").bounding_box(), ended.bounding_box()
            assert picture
            assert row
            assert row["y"] < picture["y"]
            assert picture["y"] + picture["height"] < row["y"] + row["height"]


def test_polling_keeps_focus_and_selection(site: Site) -> None:
    """While other prompts come and go around them."""
    first = site.installation.poet.write(image("a lake"), text="first")
    kept = site.installation.poet.write(json.dumps(LAKE), text="kept")
    with site.page("/queue") as page:
        expect(page.locator("#waiting-image > li[aria-posinset]")).to_have_count(2)
        mine = card(page, "waiting-image", kept)
        mine.get_by_role("checkbox").check()
        mine.get_by_role("button", name=f"Cancel prompt {kept}").focus()
        page.evaluate("document.activeElement.mine = true")
        site.installation.poet.execute(
            "UPDATE prompts SET artifact_status = 'ready' WHERE id = ?", (first,)
        )
        older = site.installation.poet.write(image("a sea"), created_at="2020-01-01 00:00:00")
        expect(card(page, "waiting-image", older)).to_have_attribute("aria-posinset", "1")
        expect(card(page, "waiting-image", first)).to_have_count(0)
        expect(mine).to_have_attribute("aria-posinset", "2")
        assert page.evaluate("document.activeElement.mine === true")
        expect(mine.get_by_role("checkbox")).to_be_checked()
        expect(page.locator("#chosen")).to_have_text("1 selected")


def test_a_thousand_prompts_are_reached_by_keyboard_and_changed_at_once(site: Site) -> None:
    """Few rows are in the page; arrow keys reach all; rows that are not loaded are selected too."""
    poet = site.installation.poet
    ids = [poet.write(image("a lake"), created_at=f"2020-01-01 {n:06}") for n in range(400)]
    with site.page("/queue") as page:
        rows = page.locator("#waiting-image > li")
        expect(rows.first).to_have_attribute("aria-setsize", "400")
        assert rows.count() < 80
        assert page.evaluate("document.documentElement.scrollHeight") < 2500  # pixels
        assert page.locator('#waiting-image [tabindex="0"]').count() == 4  # of one row
        page.locator("#waiting-image > li .pick").first.focus()
        page.keyboard.press("End")
        last = card(page, "waiting-image", ids[-1])
        expect(last.get_by_role("checkbox")).to_be_focused()
        page.keyboard.press("ArrowUp")
        expect(card(page, "waiting-image", ids[-2]).get_by_role("checkbox")).to_be_focused()
        page.keyboard.press("Home")
        expect(card(page, "waiting-image", ids[0]).get_by_role("checkbox")).to_be_focused()
        page.locator('[data-all="waiting-image"]').check()
        card(page, "waiting-image", ids[0]).get_by_role("checkbox").uncheck()
        expect(page.locator("#chosen")).to_have_text("399 selected")
        page.get_by_role("button", name="Cancel selected").click()
        expect(page.get_by_role("dialog")).to_contain_text("399 prompts are waiting")
        page.get_by_role("button", name="Yes, cancel").click()
        expect(page.locator('[data-total="cancelled"]')).to_have_text("399")
        expect(rows).to_have_count(1)
    assert status(site, ids[0]) == "pending"


def test_a_prompt_is_moved_to_the_front_by_one_press(site: Site) -> None:
    """It is the first one then."""
    first, second = (site.installation.poet.write(image("a lake")) for _ in range(2))
    with site.page("/queue") as page:
        expect(card(page, "waiting-image", first)).to_have_attribute("aria-posinset", "1")
        page.get_by_role("button", name=f"Render prompt {second} next").click()
        expect(card(page, "waiting-image", second)).to_have_attribute("aria-posinset", "1")


def test_pausing_and_resuming_by_mouse(site: Site) -> None:
    """The banner says who paused, why and since when; a worker claims nothing until resumed."""
    prompt_id = site.installation.poet.write(image("a lake"))
    with site.page("/queue") as page:
        expect(page.locator("#paused")).to_be_hidden()
        page.get_by_role("button", name="Pause").click()
        page.get_by_label("Reason").fill("the GPU is needed <b>elsewhere</b>")
        page.get_by_role("dialog").get_by_role("button", name="Pause").click()
        expect(page.locator("#paused")).to_contain_text("by a person")
        expect(page.locator("#paused")).to_contain_text("the GPU is needed <b>elsewhere</b>")
        site.installation.run()
        assert status(site, prompt_id) == "pending"
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#paused")).to_be_hidden()
        site.installation.run()
        assert status(site, prompt_id) == "ready"
        expect(page.locator("#time-left")).to_be_hidden()
        site.installation.poet.write(image("a sea"))
        expect(page.locator("#time-left")).to_contain_text("The whole queue will take about")


def test_pausing_and_resuming_by_keyboard(site: Site) -> None:
    """Enter, a reason, Enter; the focus is then on the button that resumes."""
    with site.page("/queue") as page:
        expect(page.locator("#tally")).to_contain_text("0 waiting")
        page.get_by_role("button", name="Pause").focus()
        page.keyboard.press("Enter")
        page.keyboard.type("lunch")
        page.keyboard.press("Enter")
        expect(page.locator("#paused")).to_contain_text("lunch")
        expect(page.get_by_role("button", name="Resume")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#paused")).to_be_hidden()
        expect(page.get_by_role("button", name="Pause")).to_be_focused()


def test_a_pause_by_others_is_shown_with_its_hint(site: Site) -> None:
    """The environment's pause comes with the failure's code and what to do."""
    site.installation.use_scripts("no_comfy.py")
    for _ in range(3):
        site.installation.poet.write(image("a lake"))
    with site.page("/queue") as page:
        site.installation.run()
        banner = page.locator("#paused")
        expect(banner).to_contain_text("because of a problem with the installation")
        expect(banner.locator("code")).to_have_text("comfyui_import")
        expect(banner.locator(".hint")).not_to_be_empty()
        expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_nothing_says_working_while_nothing_can_be_rendered(site: Site) -> None:
    """A worker runs, but all that waits is of a kind that it cannot render."""
    site.installation.use_scripts("not_there.py", "steps.py")
    site.installation.poet.write(image("a lake"), text="A lake, please")
    with site.installation.started("daemon"), site.page("/queue") as page:
        expect(page.locator("#broken")).to_contain_text("Images cannot be rendered.")
        expect(page.locator("#workers")).to_contain_text("stopped")
        expect(page.locator("#time-left")).to_be_hidden()
        assert ">stopped</span>" in page.request.get(f"{site.url}/queue").text()
        site.installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
        expect(page.locator("#workers")).to_contain_text("working")
        site.installation.release()
        site.step()


def test_cancelling_by_mouse_asks_for_confirmation(site: Site) -> None:
    """Dismissing the dialog keeps the prompt; confirming cancels it."""
    prompt_id = site.installation.poet.write(image("a lake"))
    with site.page("/queue") as page:
        expect(page.locator("#workers")).to_have_attribute("data-workers", "0")
        button = page.get_by_role("button", name=f"Cancel prompt {prompt_id}")
        button.click()
        dialog = page.get_by_role("dialog", name="Cancel")
        expect(dialog).to_contain_text(f"Prompt {prompt_id} is waiting")
        dialog.get_by_role("button", name="Keep it").click()
        expect(dialog).to_be_hidden()
        assert status(site, prompt_id) == "pending"
        button.click()
        dialog.get_by_role("button", name="Yes, cancel").click()
        gone = card(page, "cancelled", prompt_id)
        expect(gone).to_contain_text("cancelled")
        assert status(site, prompt_id) == "error"


def test_cancelling_by_keyboard(site: Site) -> None:
    """Escape dismisses the dialog and restores the focus; Enter confirms."""
    prompt_id = site.installation.poet.write(image("a lake"))
    with site.page("/queue") as page:
        expect(page.locator("#workers")).to_have_attribute("data-workers", "0")
        button = page.get_by_role("button", name=f"Cancel prompt {prompt_id}")
        button.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="Cancel")).to_be_visible()
        page.keyboard.press("Escape")
        expect(button).to_be_focused()
        assert status(site, prompt_id) == "pending"
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Yes, cancel").focus()
        page.keyboard.press("Enter")
        expect(card(page, "cancelled", prompt_id)).to_be_visible()


@pytest.mark.parametrize("question", ["cancel", "pause"])
def test_a_dismissed_dialog_can_be_opened_again_at_once(site: Site, question: str) -> None:
    """A press right after Escape counts, and the answer is the one given then."""
    prompt_id = site.installation.poet.write(image("a lake"))
    buttons = {"cancel": f'[data-key="{prompt_id}"] [data-act="cancel"]', "pause": "#pause"}
    with site.page("/queue") as page:
        button = page.locator(buttons[question])
        button.click()
        dialog = page.locator(f"#{question}-dialog")
        expect(dialog).to_be_visible()
        button.evaluate(
            "(button, name) => { document.getElementById(name).close(); button.click(); }",
            f"{question}-dialog",
        )
        expect(dialog).to_be_visible()
        dialog.locator('[value="yes"]').click()
        expect(dialog).to_be_hidden()
        done = (
            card(page, "cancelled", prompt_id) if question == "cancel" else page.locator("#paused")
        )
        expect(done).to_be_visible()


def test_a_press_counts_before_the_first_poll(site: Site) -> None:
    """On a slow connection the first response takes long; no press is lost meanwhile."""
    prompt_id = failed(site)
    with site.page("/login", own=True) as page:
        page.add_init_script(f"{NOTE_QUESTIONS} window.late = 'status';")
        page.goto(f"{site.url}/queue")
        page.wait_for_function("() => window.letCome")
        page.get_by_role("button", name=f"Retry prompt {prompt_id}").click()
        expect(page.locator("#toasts")).to_contain_text("1 prompt put back in the queue")
        page.evaluate("window.letCome()")
        expect(card(page, "waiting-image", prompt_id)).to_be_visible()


def test_an_outdated_response_does_not_undo_a_pause(site: Site) -> None:
    """The pause stays visible although an older response arrives late; the focus stays."""
    with site.page("/login", own=True) as page:
        page.add_init_script(NOTE_QUESTIONS)
        page.goto(f"{site.url}/queue")
        page.wait_for_function("() => window.asked.length > 1")  # the page has its first responses
        page.evaluate("window.late = 'status'")
        page.wait_for_function("() => window.letCome")
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("dialog").get_by_role("button", name="Pause").click()
        expect(page.locator("#paused")).to_be_visible()
        before = page.evaluate("window.asked.length")
        page.evaluate(LET_COME)
        page.wait_for_function(f"() => window.asked.length > {before} + 2")
        assert page.evaluate("window.hidings") == 0
        expect(page.get_by_role("button", name="Resume")).to_be_focused()


def test_a_render_is_cancelled_or_put_back(site: Site) -> None:
    """It may be cancelled, or wait again: the worker stops either way."""
    prompt_id = site.installation.poet.write(image("a lake"))
    with site.page("/queue") as page, site.rendering() as worker:
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("dialog").get_by_role("button", name="Pause").click()
        expect(page.locator("#paused")).to_be_visible()
        page.locator("#rendering").get_by_role("button", name="Cancel").click()
        dialog = page.get_by_role("dialog", name="Cancel")
        dialog.get_by_label("Stop the render and put it back").check()
        dialog.get_by_role("button", name="Yes, cancel").click()
        expect(card(page, "waiting-image", prompt_id)).to_be_visible()
        expect(page.locator("#rendering > li")).to_have_count(0)
        expect(page.locator("#ended > li")).to_contain_text("cancelled")
        worker.communicate(timeout=90)
    assert status(site, prompt_id) == "pending"


def test_a_failed_prompt_is_retried_by_mouse(site: Site) -> None:
    """The card shows the reason and the hint; Retry lets it wait again, and a worker renders it."""
    prompt_id = failed(site, "a lake")
    with site.page("/queue") as page:
        bad = card(page, "failed", prompt_id)
        expect(bad.locator("code")).to_have_text("timed_out")
        expect(bad).to_contain_text("it took too long")
        expect(bad.locator(".reason")).to_have_attribute(
            "title", re.compile("it took too long\\nRaise")
        )
        expect(page.locator("#workers")).to_have_attribute("data-workers", "0")
        bad.get_by_role("button", name=f"Retry prompt {prompt_id}").click()
        expect(page.locator("#toasts")).to_contain_text("mediagen daemon")
        expect(card(page, "waiting-image", prompt_id)).to_be_visible()
        expect(bad).to_have_count(0)
        site.installation.run()
        expect(page.locator('#ended [data-act="again"]')).to_be_visible()
        page.get_by_role("button", name=f"Render again prompt {prompt_id}").click()
        expect(card(page, "waiting-image", prompt_id)).to_be_visible()


def test_selected_prompts_are_retried_by_keyboard(site: Site) -> None:
    """Space selects; failed ones wait again, waiting ones come next."""
    bad, other, waits = failed(site), failed(site), site.installation.poet.write(image("a sea"))
    with site.page("/queue") as page:
        expect(page.get_by_role("button", name="Generate selected")).to_be_disabled()
        for prompt_id in (bad, waits):
            page.get_by_role("checkbox", name=f"Select prompt {prompt_id}", exact=True).focus()
            page.keyboard.press("Space")
        expect(page.locator("#chosen")).to_have_text("2 selected")
        page.get_by_role("button", name="Generate selected").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#toasts")).to_contain_text("2 prompts are next")
        expect(page.locator("#toasts")).to_contain_text("No worker is running")
        expect(card(page, "waiting-image", bad)).to_be_visible()
        expect(page.locator("#chosen")).to_have_text("Nothing selected")
    assert [status(site, each) for each in (bad, other, waits)] == ["pending", "error", "pending"]


def test_all_are_retried(site: Site) -> None:
    """One button for all that failed, and one each for cancelled ones."""
    prompts = [failed(site) for _ in range(3)]
    cancelled = failed(site, message="cancelled: a person cancelled this prompt")
    with site.page("/queue") as page:
        expect(page.locator("#workers")).to_have_attribute("data-workers", "0")
        page.get_by_role("button", name="Generate all").click()
        expect(page.locator("#toasts")).to_contain_text("3 prompts put back in the queue")
        expect(page.locator("#failed > li")).to_have_count(0)
        card(page, "cancelled", cancelled).get_by_role("button", name="Retry").click()
        expect(page.get_by_role("heading", name="Cancelled")).to_be_hidden()
    assert [status(site, each) for each in (*prompts, cancelled)] == ["pending"] * 4


def test_selected_prompts_are_cancelled_together(site: Site) -> None:
    """One confirmation for all of them."""
    prompts = [site.installation.poet.write(image("a lake")) for _ in range(2)]
    with site.page("/queue") as page:
        for prompt_id in prompts:
            page.get_by_role("checkbox", name=f"Select prompt {prompt_id}", exact=True).check()
        page.get_by_role("button", name="Cancel selected").click()
        expect(page.get_by_role("dialog", name="Cancel")).to_contain_text("2 prompts")
        page.get_by_role("button", name="Yes, cancel").click()
        expect(page.locator("#cancelled > li")).to_have_count(2)
        expect(page.locator("#failed > li")).to_have_count(0)
        expect(page.get_by_role("heading", name="Cancelled 2")).to_be_visible()


@pytest.mark.parametrize("scripted", [True, False])
def test_hostile_text_stays_text(site: Site, *, scripted: bool) -> None:
    """Markup from the database is shown as text, by the server and by the script."""
    song = {**STEAM, "title": HOSTILE, "structure": [{"type": HOSTILE, "lyrics": HOSTILE}]}
    ahead = [site.installation.poet.write(image(HOSTILE), text=HOSTILE)]
    failed(site, HOSTILE, f"{HOSTILE}")
    with site.page("/queue", java_script_enabled=scripted) as page:
        if scripted:
            ahead.append(site.installation.poet.write(image(HOSTILE), text=HOSTILE))
            site.installation.poet.write(
                json.dumps(song), prompt_type="lyrics_prompt", text=HOSTILE
            )
            expect(page.locator("#waiting-audio > li")).to_contain_text("pwned")
        for prompt_id in ahead:
            expect(card(page, "waiting-image", prompt_id)).to_contain_text(HOSTILE)
        expect(page.locator("#failed")).to_contain_text(HOSTILE)
        assert page.locator("main img, main script").count() == 0
        assert not scripted or page.evaluate("window.pwned") is None


def test_the_page_reads_well_without_scripts(site: Site) -> None:
    """Waiting and failed prompts are shown, without buttons that would not work."""
    site.installation.poet.write(json.dumps(LAKE), text="The lake behind the house")
    failed(site)
    with site.page("/queue", java_script_enabled=False) as page:
        expect(page.locator("#waiting-image")).to_contain_text("The lake behind the house")
        expect(page.locator("#failed")).to_contain_text("it took too long")
        expect(page.get_by_text("need JavaScript")).to_be_visible()
        assert page.get_by_role("main").get_by_role("button").count() == 0
        assert page.get_by_role("main").get_by_role("checkbox").count() == 0


def test_a_server_that_is_down_is_reported_until_it_is_back(site: Site) -> None:
    """The page says that it is outdated, and continues when the server is back."""
    with site.page("/queue", fails=True) as page:
        expect(page.locator("#trouble")).to_be_hidden()
        port = site.port
        site.stop()
        expect(page.locator("#trouble")).to_contain_text("cannot be reached")
        site.serve(port)
        prompt_id = site.installation.poet.write(image("a lake"))
        card(page, "waiting-image", prompt_id).wait_for()
        expect(page.locator("#trouble")).to_be_hidden()
        page.get_by_role("button", name=f"Cancel prompt {prompt_id}").click()
        page.get_by_role("button", name="Yes, cancel").click()  # with an outdated token
        expect(card(page, "cancelled", prompt_id)).to_be_visible()


def test_the_lists_are_requested_only_after_a_change(site: Site) -> None:
    """An empty queue only requests its counts at each poll."""
    with site.page("/login", own=True) as page:
        page.add_init_script(NOTE_QUESTIONS)
        page.goto(f"{site.url}/queue")
        page.wait_for_function("() => window.asked.length > 4")
        assert page.evaluate("window.asked.slice(0, 5)") == ["status"] * 5
        site.installation.poet.write(image("a lake"))
        page.wait_for_function("() => window.asked.some((each) => each.startsWith('rows'))")


def test_it_is_accessible(site: Site) -> None:
    """Axe has no serious complaints, with everything on the page; it fits a phone."""
    prompt_id = site.installation.poet.write(image("a lake"))
    with (
        site.rendering() as worker,
        site.page("/queue", color_scheme="dark", reduced_motion="reduce") as page,
    ):
        site.installation.poet.write(json.dumps(LAKE))
        site.installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
        site.installation.poet.write("no JSON at all, but one very long word: " + "w" * 300)
        failed(site, "x" * 400)
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("dialog").get_by_role("button", name="Pause").click()
        expect(page.locator("#failed > li")).to_have_count(1)
        expect(page.locator("#waiting-audio > li")).to_have_count(1)
        page.emulate_media(color_scheme="light")
        assert serious(page) == []
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size(PHONE)
        assert not overflows(page)
        page.locator("#rendering").get_by_role("button", name="Cancel").click()
        assert serious(page) == []
        page.keyboard.press("Escape")
        site.installation.release()
        site.step()
        worker.communicate(timeout=90)
    wait_until(lambda: status(site, prompt_id) == "ready")


def test_a_hidden_tab_sends_no_requests(site: Site) -> None:
    """It polls the queue again once it is visible."""
    site.installation.poet.write(image("a lake"))
    with site.page("/queue", own=True) as page:
        page.clock.install()
        page.add_init_script(NOTE_QUESTIONS)
        page.reload()
        page.wait_for_function("() => window.asked.length > 2")
        looks = "window.asked.filter((each) => each.startsWith('rows')).length"
        before = page.evaluate(
            "Object.defineProperty(document, 'hidden', { get: () => window.away });"
            f"window.away = true; document.dispatchEvent(new Event('visibilitychange')); {looks}"
        )
        page.clock.run_for(60_000)
        assert page.evaluate(looks) == before
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_function(f"() => {looks} > {before}")
