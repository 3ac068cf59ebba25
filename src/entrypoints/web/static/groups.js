// The dialog in which a person renames, joins and removes tags and collections.
import { agreed, oneLine } from "./curation.js";
import { api, base, complain, el, toast } from "./site.js";
import { _, ngettext } from "./texts.js";

const TITLES = { tag: _("Tags"), collection: _("Collections") };
const SPOKEN = {
  tag: {
    rename: (name) => _("Rename the tag %(name)s", { name }), remove: (name) => _("Remove the tag %(name)s", { name }),
    field: (name) => _("New name of the tag %(name)s", { name }),
  },
  collection: {
    rename: (name) => _("Rename the collection %(name)s", { name }), remove: (name) => _("Remove the collection %(name)s", { name }),
    field: (name) => _("New name of the collection %(name)s", { name }),
  },
};

const sheet = el("link", { rel: "stylesheet", href: new URL("groups.css", import.meta.url).pathname });
const styled = new Promise((done) => { for (const event of ["load", "error"]) sheet.addEventListener(event, done); });
document.head.append(sheet);

/** Open the dialog; it lasts until the person closes it. */
export async function openGroups() {
  const dialog = el("dialog", { class: "question groups", "aria-labelledby": "groups-title" });
  const lists = el("div", { class: "scrolls" });
  const close = el("button", { type: "button", text: _("Close") });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.append(el("h2", { id: "groups-title", text: _("Tags and collections") }), lists, el("p", { class: "row" }, close));
  let known = {};

  /** Show what there is; the focus goes to the group of that sort and name. */
  async function show(sort, name) {
    const { tags, collections } = await api(`${base}/api/v1/gallery/groups`);
    known = { tag: tags, collection: collections };
    const parts = Object.entries(known).filter(([, groups]) => groups.length).flatMap(([each, groups]) => [
      el("h3", { class: "eyebrow", text: TITLES[each] }), el("ul", { class: "plain" }, groups.map((group) => row(each, group))),
    ]);
    lists.replaceChildren(...parts, ...(parts.length ? [] : [el("p", { class: "soft", text: _("There are none yet.") })]));
    const line = [...lists.querySelectorAll("li")].find(({ dataset }) => dataset.sort === sort && dataset.name === name);
    (line?.querySelector("button") || close).focus();
  }

  function row(sort, { name, file_count: count }) {
    const button = (what, text, work) => {
      const made = el("button", { type: "button", class: "quiet", "aria-label": SPOKEN[sort][what](name), text });
      made.addEventListener("click", work);
      return made;
    };
    const line = el("li", { class: "row", data: { sort, name } });
    const rename = button("rename", _("Rename"), () => edit(line, sort, name));
    line.append(
      el("span", { class: "name", dir: "auto", title: name, text: name }),
      el("span", { class: "soft small", text: ngettext("%(num)s file", "%(num)s files", count) }),
      rename, button("remove", _("Remove"), () => remove(sort, name, count)),
    );
    return line;
  }

  /** Let a line be a field for its new name. */
  function edit(line, sort, name) {
    const before = [...line.childNodes];
    const field = el("input", { required: "", maxlength: 100, autocomplete: "off", value: name, "aria-label": SPOKEN[sort].field(name) });
    const save = el("button", { type: "submit", class: "first", text: _("Save") });
    const form = el("form", { class: "row" }, field, save);
    const leave = () => { line.replaceChildren(...before); line.querySelector("button").focus(); };
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // or it would close the dialog
      event.stopPropagation();
      leave();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const newName = oneLine(field.value);
      if (newName === name) leave();
      else if (newName) change(sort, name, newName);
    });
    line.replaceChildren(form);
    field.select();
  }

  async function change(sort, name, newName) {
    if (known[sort].some((group) => group.name === newName)) {
      const question = _("There is “%(name)s” already. Join both? This cannot be undone.", { name: newName });
      if (!await agreed(question, _("Join"))) return;
    }
    await send(sort, name, newName, _("“%(name)s” is called “%(new_name)s” now.", { name, new_name: newName }));
  }

  async function remove(sort, name, count) {
    const question = ngettext("Remove “%(name)s” from %(num)s file? The file stays.", "Remove “%(name)s” from %(num)s files? The files stay.", count, { name });
    if (await agreed(question, _("Remove"))) await send(sort, name, null, _("“%(name)s” was removed.", { name }));
  }

  async function send(sort, name, newName, said) {
    try {
      await api(`${base}/api/v1/gallery/rename`, { body: { sort, name, new_name: newName } });
      toast(said, { kind: "good" });
      document.dispatchEvent(new CustomEvent("renamed", { detail: { sort, name, newName } }));
    } catch (error) {
      complain(error);
    }
    await show(sort, newName).catch(complain);
  }

  await styled;
  document.body.append(dialog);
  dialog.showModal();
  await show();
}
