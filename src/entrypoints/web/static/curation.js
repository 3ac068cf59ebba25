// Ratings, favourites, tags, hidden files and the wastebasket: what a person does with files.
import { api, base, complain, el, toast } from "./site.js";
import { _, ngettext } from "./texts.js";

const KEPT = ["favourite", "rating", "hidden"];

/** Change files, at once on the page and then on the server; goes back if that refuses. */
export async function curate(items, change) {
  const before = items.map((item) => ({ ...item }));
  for (const item of items) {
    for (const name of KEPT) if (name in change) item[name] = change[name];
    item.own_tags = joined(item.own_tags, change.add_tags, change.remove_tags);
    item.collections = joined(item.collections, change.add_to, change.remove_from);
  }
  tell(items);
  const ids = items.map((item) => item.artifact_id);
  try {
    await api(`${base}/api/v1/gallery/curate`, { body: { ids, ...change } });
    if (change.hidden !== undefined) {
      leave(items);
      const hidden = ngettext("%(num)s file is hidden.", "%(num)s files are hidden.", ids.length);
      const shown = ngettext("%(num)s file is shown again.", "%(num)s files are shown again.", ids.length);
      undoable(change.hidden ? hidden : shown, () => curate(items, { hidden: !change.hidden }));
    }
    const [name] = [...change.add_tags || [], ...change.add_to || []];
    if (name) toast(ngettext("%(num)s file is in “%(name)s” now.", "%(num)s files are in “%(name)s” now.", ids.length, { name }), { kind: "good" });
  } catch (error) {
    items.forEach((item, index) => Object.assign(item, before[index]));
    tell(items);
    complain(error);
  }
}

const joined = (names = [], more = [], fewer = []) => (
  [...new Set([...names, ...more])].filter((name) => !fewer.includes(name)).sort()
);

/** Put files into the wastebasket. */
export async function discard(items) {
  const changed = await send("discard", items);
  if (!changed.length) return;
  undoable(
    ngettext("%(num)s file is in the wastebasket, for 30 days.", "%(num)s files are in the wastebasket, for 30 days.", changed.length),
    () => restore(changed),
  );
}

/** Take files out of the wastebasket. */
export async function restore(items) {
  const changed = await send("restore", items);
  if (changed.length) {
    toast(ngettext("%(num)s file was taken out of the wastebasket.", "%(num)s files were taken out of the wastebasket.", changed.length), { kind: "good" });
  }
}

/** Remove files that are in the wastebasket, if the person agrees. */
export async function purge(items) {
  const asked = ngettext("Remove %(num)s file for good? This cannot be undone.", "Remove %(num)s files for good? This cannot be undone.", items.length);
  if (!await agreed(asked, _("Remove for good"))) return;
  const changed = await send("purge", items);
  if (changed.length) toast(ngettext("%(num)s file was removed.", "%(num)s files were removed.", changed.length), { kind: "good" });
}

async function send(what, items) {
  const ids = items.map((item) => item.artifact_id);
  const answer = await api(`${base}/api/v1/gallery/${what}`, { body: { ids } }).catch(complain);
  if (!answer) return [];
  const changed = items.filter((item) => answer.changed.includes(item.artifact_id));
  const reasons = Object.values(answer.refused);
  if (reasons.length) {
    toast(ngettext("%(num)s file stays as it is.", "%(num)s files stay as they are.", reasons.length), { kind: "bad", hint: reasons[0] });
  }
  leave(changed);
  return changed;
}

function undoable(text, undo) {
  const box = toast(text, { kind: "good" });
  const button = el("button", { type: "button", class: "quiet", text: _("Undo") });
  button.addEventListener("click", () => { box.remove(); undo(); });
  box.querySelector("p").append(" ", button);
}

/** Tell everything on the page that shows files what they are now. */
const tell = (items) => document.dispatchEvent(new CustomEvent("curated", { detail: items }));
/** Tell that files may no longer belong to the list, or belong to it again. */
const leave = (items) => document.dispatchEvent(new CustomEvent("moved", { detail: items }));

/** What the keys 1 to 5, 0 and f do with a file; whether the key was one of them. */
export function keyed(event, item) {
  if (event.ctrlKey || event.metaKey || event.altKey || !item?.artifact_id) return false;
  if (/^[0-5]$/.test(event.key)) curate([item], { rating: Number(event.key) });
  else if (event.key === "f") curate([item], { favourite: !item.favourite });
  else return false;
  event.preventDefault();
  return true;
}

/** Five stars as buttons in an element; `rate(number)` is called by a press. */
export function fillStars(element, item) {
  if (!element.children.length) {
    for (let number = 1; number <= 5; number += 1) {
      element.append(el("button", { type: "button", class: "quiet star", data: { number } }));
    }
  }
  for (const button of element.children) {
    const number = Number(button.dataset.number);
    const isOn = number <= (item.rating || 0);
    button.textContent = isOn ? "★" : "☆";
    button.setAttribute("aria-label", ngettext("%(num)s star", "%(num)s stars", number));
    button.setAttribute("aria-pressed", number === item.rating);
  }
}

/** The rating that a press in those means; the same star again removes it. */
export const pressedStar = (target, item) => {
  const number = Number(target.closest(".star")?.dataset.number || 0);
  return number && (number === item.rating ? 0 : number);
};

// ------------------------------------------------------------------------------------- questions

/** A name without needless blanks. */
export const oneLine = (text) => text.trim().split(/\s+/).join(" ");

function ask(fill) {
  const dialog = el("dialog", { class: "question" });
  const form = el("form", { method: "dialog" });
  dialog.append(form);
  document.body.append(dialog);
  const closed = new Promise((done) => {
    dialog.addEventListener("close", () => { dialog.remove(); done(dialog.returnValue); });
  });
  fill(form);
  dialog.showModal();
  return closed;
}

const buttons = (yes, isGrave = false) => el("p", { class: "row" },
  el("button", { class: isGrave ? "grave" : "first", value: "yes", text: yes }),
  el("button", { class: "quiet", value: "", formnovalidate: "", text: _("Cancel") }));

/** Whether the person agrees to something that cannot be undone. */
export async function agreed(question, yes) {
  return await ask((form) => form.append(el("p", { text: question }), buttons(yes, true))) === "yes";
}

/** Add files to a tag or a collection that the person names. */
export async function addTo(kind, items) {
  const name = await askName(kind);
  if (name) await curate(items, kind === "tag" ? { add_tags: [name] } : { add_to: [name] });
}

/** A name of a tag or a collection, as the server writes it; "" if the person gives none. */
async function askName(kind) {
  const groups = await api(`${base}/api/v1/gallery/groups`).catch(() => null);
  const known = (kind === "tag" ? groups?.tags : groups?.collections) || [];
  const label = kind === "tag" ? _("Tag") : _("Collection");
  const field = el("input", { name: "name", required: "", maxlength: 100, list: "known-names", autocomplete: "off" });
  const answer = await ask((form) => form.append(
    el("label", { class: "field" }, label, field),
    el("datalist", { id: "known-names" }, known.map(({ name }) => el("option", { value: name }))),
    buttons(_("Add")),
  ));
  return answer === "yes" ? oneLine(field.value) : "";
}
