// What is selected in the lists of Queue; all of a list counts also as far as it is not loaded.

const LISTS = ["failed", "waiting-image", "waiting-audio", "cancelled", "ready"];

export class Selection {
  constructor(totals) {
    this.totals = totals; // of a list
    this.lists = Object.fromEntries(LISTS.map((name) => [name, { all: false, ids: new Set() }]));
    this.last = null; // the row of the last click, from which Shift reaches
  }

  /** Whether a prompt is selected. With `all`, the ids are those that are not. */
  has(name, id) {
    const { all, ids } = this.lists[name];
    return ids.has(id) !== all;
  }

  set(name, id, selected) {
    const { all, ids } = this.lists[name];
    if (selected !== all) ids.add(id);
    else ids.delete(id);
  }

  setAll(name, selected) {
    this.lists[name] = { all: selected, ids: new Set() };
  }

  clear() {
    for (const name of LISTS) this.setAll(name, false);
  }

  count(name) {
    const { all, ids } = this.lists[name];
    return all ? Math.max(0, this.totals(name) - ids.size) : ids.size;
  }

  get size() {
    return LISTS.reduce((sum, name) => sum + this.count(name), 0);
  }

  /** Forget ids that left a list, as far as `present` knows; of a whole list nothing leaves. */
  keep(name, present) {
    const { all, ids } = this.lists[name];
    if (all) return;
    for (const id of ids) if (!present(id)) ids.delete(id);
  }

  /** The bodies of requests that mean what is selected in some lists; `whole(name)` is for all of one. */
  bodies(names, whole) {
    const ids = names.flatMap((name) => (this.lists[name].all ? [] : [...this.lists[name].ids]));
    const all = names.filter((name) => this.lists[name].all && this.count(name));
    return [
      ...(ids.length ? [{ ids }] : []),
      ...all.map((name) => ({ ...whole(name), except_ids: [...this.lists[name].ids] })),
    ];
  }
}
