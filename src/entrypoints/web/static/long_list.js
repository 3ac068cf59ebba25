// A list of any length whose rows are all equally high; only those near the window are in the page.

const CHUNK = 100; // rows that are asked for at once
const MAX_CHUNKS = 12; // kept
const MARGIN = 12; // rows beyond each edge of the window
const SETTLE = 80; // milliseconds without a movement, before rows that are missing are asked for
const MAX_HEIGHT = 30_000_000; // pixels; browsers draw nothing below about 33 million
const PAGE_KEYS = { PageUp: -1, PageDown: 1 };
const STEP_KEYS = { ArrowUp: -1, ArrowDown: 1 };

export class LongList {
  /**
   * `list` is an <ol> in an element that scrolls; `ask(offset, limit)` promises { items, total };
   * `make()` makes an empty row, and `fill(row, item)` fills it. An item has an `id`. When all items
   * are known, `taken(ids)` is called with the set of their ids.
   */
  constructor(list, { ask, make, fill, taken = () => {}, failed = () => {} }) {
    Object.assign(this, { list, ask, make, fill, taken, failed });
    this.box = list.parentElement;
    this.items = new Map(); // by index
    this.rows = new Map([...list.children].map((row) => [Number(row.dataset.key), row]));
    this.total = this.rows.size;
    this.version = 0;
    this.current = null; // id of the row that the Tab key reaches
    this.asked = new Map(); // first index of a chunk -> version of its request
    this.isLive = false;
    this.box.addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.measure()).observe(this.box);
    list.addEventListener("keydown", (event) => this.key(event));
    list.addEventListener("focusin", (event) => this.reached(event.target.closest("li")));
  }

  get height() {
    this.rowHeight ||= this.list.querySelector("li")?.offsetHeight || this.measured();
    return this.rowHeight;
  }

  measured() {
    const row = this.make();
    this.list.append(row);
    const height = row.offsetHeight;
    row.remove();
    return height;
  }

  measure() {
    this.rowHeight = 0;
    if (this.isLive && this.box.offsetParent) this.layOut();
  }

  /** The list has this length now; `moved` tells whether its rows may be others, too. */
  show(total, moved) {
    if (this.isLive && total === this.total && !moved) return;
    this.total = total;
    if (moved || !this.isLive) this.version += 1;
    if (total) this.layOut();
    else this.empty();
  }

  empty() {
    for (const row of this.rows.values()) row.remove();
    for (const known of [this.rows, this.items, this.asked]) known.clear();
    this.isLive = false;
  }

  layOut() {
    this.isLive = true;
    this.list.classList.add("live");
    const height = Math.min(this.total * this.height, MAX_HEIGHT);
    this.list.style.height = `${height}px`;
    this.render();
  }

  soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.render();
    });
  }

  /** Put the rows near the window in their places, and ask for those that are not known. */
  render() {
    if (!this.isLive) return;
    const { height, box, total } = this;
    const shown = Math.floor(box.scrollTop / height);
    const count = Math.ceil(box.clientHeight / height);
    const first = Math.max(0, shown - MARGIN);
    const last = Math.min(total, shown + count + MARGIN, Math.floor(MAX_HEIGHT / height));
    this.range = [first, last];
    const wanted = new Map();
    for (let index = first; index < last; index += 1) {
      const item = this.items.get(index);
      if (item) wanted.set(item.id, [index, item]);
    }
    const isLoading = wanted.size < last - first;
    const isWhole = this.items.size >= total; // so that what is not there is gone
    const spare = [];
    let left = null;
    for (const [id, row] of this.rows) {
      if (wanted.has(id)) continue;
      // Until all rows are here, those of before stay; the one with the focus always does.
      const at = Number(row.dataset.index);
      const isNear = at >= first && at < last && !this.items.has(at);
      const hasFocus = row.contains(document.activeElement);
      if ((hasFocus && !isWhole) || (isLoading && isNear)) continue;
      if (hasFocus) left = [at, document.activeElement.dataset.control];
      this.rows.delete(id);
      spare.push(row);
    }
    for (const [id, [index, item]] of wanted) {
      let row = this.rows.get(id);
      if (!row) {
        row = spare.pop() || this.make();
        row.item = null;
        row.dataset.key = id;
        this.rows.set(id, row);
        if (!row.isConnected) this.list.append(row);
      }
      this.place(row, index, item);
    }
    for (const row of spare) row.remove();
    this.roving(wanted);
    this.load(first, last);
    if (left) this.reach(...left); // the row with the focus left the list: the next one gets it
  }

  place(row, index, item) {
    if (row.dataset.index !== String(index) || !row.style.top) {
      row.dataset.index = index;
      row.style.top = `${index * this.height}px`;
      row.setAttribute("aria-posinset", index + 1);
    }
    if (row.total !== this.total) row.setAttribute("aria-setsize", row.total = this.total);
    if (row.item !== item) {
      row.item = item;
      this.fill(row, item);
    }
  }

  /** Let the Tab key reach the controls of one row only; arrow keys lead to the others. */
  roving(wanted) {
    if (!this.rows.has(this.current)) this.current = [...wanted.keys()][0] ?? null;
    for (const [id, row] of this.rows) {
      const isCurrent = id === this.current;
      if (row.isCurrent === isCurrent) continue;
      row.isCurrent = isCurrent;
      for (const control of row.querySelectorAll("a, button, input")) control.tabIndex = isCurrent ? 0 : -1;
    }
  }

  reached(row) {
    const id = Number(row?.dataset.key);
    if (!row || id === this.current) return;
    this.current = id;
    this.roving(new Map());
  }

  load(first, last) {
    clearTimeout(this.timer);
    const chunks = [];
    for (let at = first - (first % CHUNK); at < last; at += CHUNK) {
      if (this.asked.get(at) !== this.version) chunks.push(at);
    }
    if (!chunks.length) return;
    const isNew = !this.items.size || this.asked.size === 0;
    this.timer = setTimeout(() => chunks.forEach((at) => this.fetch(at)), isNew ? 0 : SETTLE);
  }

  async fetch(at) {
    const { version } = this;
    if (this.asked.get(at) === version) return;
    this.asked.set(at, version);
    let answer;
    try {
      answer = await this.ask(at, CHUNK);
    } catch (error) {
      this.asked.delete(at);
      this.failed(error);
      return;
    }
    if (version !== this.version) return; // it changed meanwhile, and is asked for again
    this.take(at, answer.items);
    this.layOut();
    if (this.items.size >= this.total) this.taken(new Set([...this.items.values()].map((item) => item.id)));
  }

  take(at, items) {
    for (let index = at; index < at + CHUNK; index += 1) this.items.delete(index);
    const ids = new Set(items.map((item) => item.id));
    for (const [index, item] of this.items) if (ids.has(item.id)) this.items.delete(index); // it moved
    items.forEach((item, index) => {
      const same = this.rows.get(item.id)?.item;
      this.items.set(at + index, same && JSON.stringify(same) === JSON.stringify(item) ? same : item);
    });
    if (this.asked.size <= MAX_CHUNKS) return;
    const [first] = this.range;
    const [far] = [...this.asked.keys()].sort((one, other) => Math.abs(other - first) - Math.abs(one - first));
    this.asked.delete(far);
    for (let index = far; index < far + CHUNK; index += 1) this.items.delete(index);
  }

  /** Bring a row into sight and put the focus on the same control in it. */
  async reach(index, name) {
    const to = Math.max(0, Math.min(index, this.total - 1));
    const top = to * this.height;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + this.height > this.box.scrollTop + this.box.clientHeight) {
      this.box.scrollTop = top + this.height - this.box.clientHeight;
    }
    this.render();
    if (!this.items.has(to)) await this.fetch(to - (to % CHUNK));
    const row = this.rows.get(this.items.get(to)?.id);
    const control = row?.querySelector(`[data-control="${name}"]:not([hidden])`) || row?.querySelector("a");
    control?.focus({ preventScroll: true });
  }

  key(event) {
    const row = event.target.closest("li");
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    const index = Number(row.dataset.index);
    const page = Math.max(1, Math.floor(this.box.clientHeight / this.height) - 1);
    let to = null;
    if (event.key in STEP_KEYS) to = index + STEP_KEYS[event.key];
    else if (event.key in PAGE_KEYS) to = index + page * PAGE_KEYS[event.key];
    else if (event.key === "Home") to = 0;
    else if (event.key === "End") to = this.total - 1;
    if (to === null) return;
    event.preventDefault();
    this.reach(to, event.target.dataset.control || "title");
  }
}
