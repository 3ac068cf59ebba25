// Choosing several cards: with Shift and Ctrl, or by pressing them in the Select mode; and what is
// done with all of them at once.
import { openMenu, variations } from "./actions.js";
import { api, base, complain, el, isTyping, toast } from "./site.js";
import { addTo, curate, discard, purge, restore } from "./curation.js";
import { _, ngettext } from "./texts.js";

const MOST = 10000; // files of one request
const SEVERAL = 4; // variations of each prompt

export class Selection {
  /** `list()` gives the sheet, and `mode` is the button that starts choosing. */
  constructor(root, sheet, mode) {
    Object.assign(this, { root, sheet, mode });
    this.ids = new Set();
    this.last = null;
    this.bar = document.getElementById("selection");
    this.count = document.getElementById("selection-count");
    mode.addEventListener("click", () => this.choose(!this.isOn));
    const work = {
      retry: () => this.retry().catch(complain),
      favourite: () => this.change({ favourite: true }),
      tag: () => addTo("tag", this.items()),
      download: () => this.download(),
      more: () => openMenu(document.getElementById("selection-more"), this.actions()),
      close: () => this.choose(false),
    };
    for (const [name, act] of Object.entries(work)) {
      document.getElementById(`selection-${name}`).addEventListener("click", act);
    }
    root.addEventListener("click", (event) => this.press(event), true);
    document.addEventListener("keydown", (event) => this.key(event));
  }

  get isOn() {
    return this.root.classList.contains("choosing");
  }

  choose(wanted) {
    this.root.classList.toggle("choosing", wanted);
    this.mode.setAttribute("aria-pressed", wanted);
    if (!wanted) this.ids.clear();
    this.show();
  }

  /** Forget what is no longer in the list. */
  reset() {
    this.last = null;
    if (this.isOn) this.choose(false);
  }

  press(event) {
    const card = event.target.closest(".card");
    if (!card || event.button || !card.dataset.index) return;
    const isPick = event.target.closest(".pick");
    const wants = isPick || this.isOn || event.shiftKey || event.ctrlKey || event.metaKey;
    if (!wants || (!isPick && event.target.closest(".more, .fetch, .heart"))) return;
    event.preventDefault();
    event.stopPropagation();
    this.toggle(Number(card.dataset.index), event.shiftKey);
  }

  toggle(index, isRange) {
    const { shelf } = this.sheet;
    const ids = isRange && this.last !== null
      ? shelf.ids.slice(Math.min(this.last, index), Math.max(this.last, index) + 1)
      : [shelf.ids[index]];
    const isChosen = !isRange && this.ids.has(ids[0]);
    for (const id of ids) {
      if (isChosen) this.ids.delete(id);
      else if (id > 0 && this.ids.size < MOST) this.ids.add(id);
    }
    this.last = index;
    this.root.classList.toggle("choosing", true);
    this.mode.setAttribute("aria-pressed", true);
    this.show();
  }

  key(event) {
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && this.isOn) this.choose(false);
    const card = event.target.closest?.(".card");
    if (event.key.toLowerCase() === "x" && card?.dataset.index && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.toggle(Number(card.dataset.index), event.shiftKey);
    }
    if (event.key === "a" && (event.ctrlKey || event.metaKey) && this.isOn) {
      event.preventDefault();
      this.all();
    }
  }

  /** Choose all that was loaded so far. */
  all() {
    for (const id of this.sheet.shelf.ids.slice(0, MOST)) if (id > 0) this.ids.add(id);
    this.show();
  }

  show() {
    this.bar.hidden = !this.isOn;
    document.body.classList.toggle("selects", this.isOn);
    const { hasPrompts } = this.sheet.shelf || {};
    for (const name of ["favourite", "tag", "download"]) document.getElementById(`selection-${name}`).hidden = hasPrompts;
    document.getElementById("selection-retry").hidden = !hasPrompts;
    this.count.textContent = ngettext("%(num)s selected", "%(num)s selected", this.ids.size);
    for (const card of this.root.children) this.mark(card);
    for (const button of this.bar.querySelectorAll("button:not(#selection-close, #selection-more)")) {
      button.disabled = !this.ids.size;
    }
  }

  /** Show on a card whether it is chosen. */
  mark(card) {
    const isChosen = this.ids.has(Number(card.dataset.id));
    card.classList.toggle("chosen", isChosen);
    card.querySelector(".pick")?.setAttribute("aria-checked", isChosen);
  }

  /** The items; those that are not in memory are only known by their id and kind. */
  items() {
    const { shelf } = this.sheet;
    return shelf.ids.flatMap((id, index) => (
      this.ids.has(id) ? [shelf.known(index) || { artifact_id: id, prompt_id: null, own_tags: [], collections: [] }] : []
    ));
  }

  change(change) {
    return curate(this.items(), change);
  }

  download() {
    const link = el("a", { href: `${base}/api/v1/gallery/zip?ids=${ranges([...this.ids])}`, download: "" });
    document.body.append(link);
    link.click();
    link.remove();
  }

  actions() {
    const shown = new URLSearchParams(location.search).get("shown");
    const many = (label, run) => ({ label, run });
    const act = (work) => () => work(this.items()).catch(complain);
    const list = [many(_("Select all that are loaded"), () => this.all())];
    if (!this.ids.size) return list;
    if (this.sheet.shelf.hasPrompts) {
      return [
        ...list, many(_("Retry"), () => this.retry().catch(complain)),
        many(_("Cancel"), () => this.cancel().catch(complain)), many(_("More like these"), act((items) => this.vary(items))),
      ];
    }
    if (shown === "wastebasket") {
      return [...list, many(_("Take out of the wastebasket"), act(restore)), many(_("Remove for good …"), act(purge))];
    }
    return [
      ...list,
      many(_("Not a favourite"), () => this.change({ favourite: false })),
      ...[5, 4, 3, 2, 1].map((rating) => many(
        ngettext("%(num)s star", "%(num)s stars", rating), () => this.change({ rating }))),
      many(_("No rating"), () => this.change({ rating: 0 })),
      many(_("Add to a collection …"), () => addTo("collection", this.items())),
      many(_("Render again"), act((items) => this.again(items))),
      many(_("More like these"), act((items) => this.vary(items))),
      shown === "hidden" ? many(_("Show again"), () => this.change({ hidden: false })) : many(_("Hide"), () => this.change({ hidden: true })),
      many(_("Put into the wastebasket"), act(discard)),
    ];
  }

  prompts(items) {
    if (this.sheet.shelf.hasPrompts) return [...this.ids];
    return [...new Set(items.map((item) => item.prompt_id).filter((id) => id !== null))];
  }

  /** Put chosen prompts back in the queue; they leave the list. */
  async retry() {
    const { moved, refused } = await api(`${base}/api/v1/retry`, { body: { ids: [...this.ids] } });
    const said = ngettext("%(num)s prompt is in the queue again.", "%(num)s prompts are in the queue again.", moved.length);
    this.left(moved, refused, said);
  }

  async cancel() {
    const { cancelled, refused } = await api(`${base}/api/v1/cancel`, { body: { ids: [...this.ids] } });
    this.left(cancelled, refused, ngettext("%(num)s prompt was cancelled.", "%(num)s prompts were cancelled.", cancelled.length));
  }

  left(ids, refused, said) {
    if (ids.length) toast(said, { kind: "good" });
    const reasons = Object.entries(refused);
    if (reasons.length) {
      const [[id, reason]] = reasons;
      toast(ngettext("%(num)s prompt stays as it is.", "%(num)s prompts stay as they are.", reasons.length),
        { kind: "bad", hint: _("Prompt %(id)s was not changed: %(reason)s.", { id, reason }) });
    }
    if (ids.length) document.dispatchEvent(new CustomEvent("moved", { detail: ids.map((id) => ({ id })) }));
  }

  async again(items) {
    const ids = this.prompts(items);
    if (!ids.length) return;
    const { moved } = await api(`${base}/api/v1/retry`, { body: { ids, again: true } });
    toast(ngettext("%(num)s prompt is in the queue again.", "%(num)s prompts are in the queue again.", moved.length), { kind: "good" });
  }

  async vary(items) {
    const made = [];
    for (const id of this.prompts(items)) made.push(...(await variations(id, SEVERAL)).ids);
    toast(ngettext("%(num)s variation is in the queue.", "%(num)s variations are in the queue.", made.length), { kind: "good" });
  }
}

/** Numbers as "3,5-9". */
export function ranges(numbers) {
  const parts = [];
  for (const number of numbers.sort((one, other) => one - other)) {
    const last = parts.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(",");
}
