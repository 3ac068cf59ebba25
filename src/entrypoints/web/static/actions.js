// What a person can do with a prompt: as a menu at a card, in the viewer, on the prompt's page.
import { api, base, complain, el, toast } from "./site.js";
import { addTo, curate, discard, purge, restore } from "./curation.js";
import { _ } from "./texts.js";

const SEVERAL = 4; // variations, by one press

/**
 * The actions on a prompt, as { label, run } or { label, href, download }; `isElsewhere` if the
 * page of a prompt has it in another place.
 *
 * `subject` is what the API calls an item of the gallery; `status` is that of its prompt.
 */
export function actionsOf(subject, { status = "ready", changed = () => {} } = {}) {
  const id = subject.prompt_id;
  const isKnown = id !== null && subject.kind !== null;
  const act = (work) => () => work().then(changed, complain);
  const list = [];
  if (isKnown && (status === "pending" || status === "processing")) {
    list.push({ label: _("Cancel"), run: act(() => cancel(id)) });
  }
  if (isKnown && (status === "error" || status === "cancelled")) list.push({ label: _("Retry"), run: act(() => again(id)) });
  if (isKnown && status === "ready") list.push({ label: _("Render again"), run: act(() => again(id)) });
  if (isKnown) {
    list.push(
      { label: _("New variation"), isElsewhere: true, run: act(() => vary(id, 1)) },
      { label: _("%(count)s variations", { count: SEVERAL }), isElsewhere: true, run: act(() => vary(id, SEVERAL)) },
      { label: _("Edit and submit"), href: `${base}/submit?from=${id}` },
    );
  }
  if (subject.prompt) list.push({ label: _("Copy the prompt"), run: () => copy(subject.prompt, _("The prompt")) });
  if (subject.seed !== null && subject.seed !== undefined) {
    list.push({ label: _("Copy the seed"), run: () => copy(String(subject.seed), _("The seed")) });
  }
  if (subject.kind === "image" && subject.media_url) {
    list.push({ label: _("Similar pictures"), isElsewhere: true, href: `${base}/?similar=${subject.artifact_id}` });
  }
  if (isKnown) list.push({ label: _("Workflow output"), isElsewhere: true, href: `${base}/prompts/${id}#output` });
  if (subject.artifact_id && subject.own_tags) list.push(...keeping(subject));
  if (subject.media_url) list.push({ label: _("Download"), href: `${subject.media_url}?download=1`, download: true });
  return list;
}

/** What a person can do with a file, rather than with its prompt. */
function keeping(item) {
  const act = (label, work) => ({ label, isElsewhere: true, run: () => work().catch(complain) });
  if (item.discarded_at) {
    return [act(_("Take out of the wastebasket"), () => restore([item])), act(_("Remove for good …"), () => purge([item]))];
  }
  return [
    act(_("Add a tag …"), () => addTo("tag", [item])),
    act(_("Add to a collection …"), () => addTo("collection", [item])),
    item.hidden ? act(_("Show again"), () => curate([item], { hidden: false })) : act(_("Hide"), () => curate([item], { hidden: true })),
    act(_("Put into the wastebasket"), () => discard([item])),
  ];
}

export async function again(id) {
  await api(`${base}/api/v1/prompts/${id}/retry`, { body: { again: true } });
  queued([id]);
}

/** Submit a prompt with new seeds; gives the ids of the new prompts, and their label. */
export const variations = (id, count) => api(`${base}/api/v1/prompts/${id}/variations`, { body: { count } });

export async function vary(id, count) {
  const { ids, label } = await variations(id, count);
  queued(ids, `${base}/compare?label=${encodeURIComponent(label)}`);
}

export async function cancel(id) {
  await api(`${base}/api/v1/prompts/${id}/cancel`, { body: {} });
  toast(_("Prompt %(id)s was cancelled.", { id }), { kind: "good" });
}

function queued(ids, place = `${base}/prompts/${ids[0]}`) {
  const [first] = ids, last = ids.at(-1);
  const said = ids.length === 1 ? _("Prompt %(id)s is in the queue.", { id: first })
    : _("Prompts %(first)s to %(last)s are in the queue.", { first, last });
  const box = toast(said, { kind: "good" });
  box.querySelector("p").append(" ", el("a", { href: place, text: _("Show") }));
}

/** Copy a text; `what` is named in the message. */
export async function copy(text, what) {
  const copied = await (navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("none")))
    .then(() => true, () => copyByHand(text)); // on plain http:// there is no clipboard
  if (copied) toast(_("%(what)s was copied.", { what }), { kind: "good" });
  else toast(_("%(what)s could not be copied.", { what }), { kind: "bad", hint: text });
}

function copyByHand(text) {
  const field = el("textarea", { class: "unseen", "aria-hidden": "true" });
  field.value = text;
  (document.querySelector("dialog[open]") || document.body).append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}

// ------------------------------------------------------------------------------------- the menu

let menu = null;

/** Show actions as a menu below a button; a second press closes it. */
export function openMenu(button, actions) {
  const isSame = menu?.button === button;
  menu?.close();
  if (!isSame) menu = new Menu(button, actions);
}

class Menu {
  constructor(button, actions) {
    this.button = button;
    this.element = el("div", { class: "menu", role: "menu", "aria-label": button.getAttribute("aria-label") },
      actions.map((action) => this.entry(action)));
    // In a dialog, since everything outside it is out of reach while it is open.
    (button.closest("dialog[open]") || document.body).append(this.element);
    button.setAttribute("aria-expanded", "true");
    this.place();
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.outside = (event) => {
      if (!this.element.contains(event.target) && !button.contains(event.target)) this.close();
    };
    this.moved = () => this.close();
    document.addEventListener("pointerdown", this.outside, true);
    addEventListener("scroll", this.moved, { capture: true, passive: true });
    addEventListener("resize", this.moved);
    this.entries[0]?.focus({ preventScroll: true });
  }

  get entries() {
    return [...this.element.children];
  }

  entry({ label, run, href, download }) {
    const made = href
      ? el("a", { href, role: "menuitem", tabindex: "-1", download: download ? "" : null, text: label })
      : el("button", { type: "button", role: "menuitem", tabindex: "-1", text: label });
    made.addEventListener("click", () => {
      this.close(true);
      run?.();
    });
    return made;
  }

  place() {
    const at = this.button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const { clientWidth, clientHeight } = document.documentElement;
    const left = Math.max(8, Math.min(at.right - width, clientWidth - width - 8));
    const isBelow = at.bottom + height + 8 < clientHeight || at.top < height + 8;
    const top = isBelow ? Math.min(at.bottom + 4, clientHeight - height - 8) : at.top - height - 4;
    Object.assign(this.element.style, { left: `${left}px`, top: `${Math.max(8, top)}px` });
  }

  key(event) {
    const { entries } = this;
    const at = entries.indexOf(document.activeElement);
    const steps = {
      ArrowDown: (at + 1) % entries.length, ArrowUp: (at - 1 + entries.length) % entries.length,
      Home: 0, End: entries.length - 1,
    };
    event.stopPropagation(); // the viewer and the player have keys of their own
    if (event.key in steps) entries[steps[event.key]].focus();
    else if (event.key === "Escape" || event.key === "Tab") this.close(true);
    else return;
    event.preventDefault();
  }

  close(isLeft = false) {
    if (menu === this) menu = null;
    document.removeEventListener("pointerdown", this.outside, true);
    removeEventListener("scroll", this.moved, { capture: true });
    removeEventListener("resize", this.moved);
    this.element.remove();
    this.button.setAttribute("aria-expanded", "false");
    if (isLeft) this.button.focus({ preventScroll: true });
  }
}
