// The grid: full rows of cards, of which only those near the window are in the document.

export class Sheet {
  /**
   * `build(item, index)` makes a card; `adopt(card, item)` tells whether one that was there before
   * may stay; `wanted()` is called when the end comes near.
   */
  constructor(root, { build, adopt, wanted }) {
    Object.assign(this, { root, build, adopt, wanted });
    this.cards = new Map();
    addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(([{ contentRect }]) => {
      if (this.shelf && contentRect.width !== this.width) this.refit();
    }).observe(root);
    root.addEventListener("keydown", (event) => this.walk(event));
  }

  show(shelf) {
    this.shelf = shelf;
    shelf.filled = () => this.soon();
    const before = [...this.root.children];
    this.cards.clear();
    before.forEach((card, index) => {
      if (index < shelf.length && this.adopt(card, shelf.item(index))) this.number(card, index);
      else card.remove();
    });
    this.measure();
    this.layOut(true);
  }

  measure() {
    const style = getComputedStyle(this.root);
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const length = (name) => {
      const value = style.getPropertyValue(name);
      return parseFloat(value) * (value.includes("rem") ? rem : 1);
    };
    this.width = this.root.clientWidth;
    this.height = length("--row");
    this.gap = length("--gap");
    this.gapBelow = length("--gap-below");
    this.below = length("--caption") + this.gapBelow;
  }

  /** Break cards into rows as the style sheet would; from the start, or from the last row on. */
  layOut(fromStart = false) {
    const { shelf, width, gap, height } = this;
    if (fromStart || !this.rows.length) this.rows = [];
    const last = this.rows.pop();
    const first = last ? last.start : 0;
    let start = first, top = last ? last.top : 0, sum = 0;
    const close = (end, full) => {
      const room = width - gap * (end - start - 1);
      const tall = full ? room / sum : Math.min(height, room / sum);
      this.rows.push({ start, top, tall, end });
      top += tall + this.below;
      [start, sum] = [end, 0];
    };
    for (let index = start; index < shelf.length; index += 1) {
      const ratio = shelf.ratios[index];
      if (sum && (sum + ratio) * height + gap * (index - start) > width) close(index, true);
      sum += ratio;
    }
    if (sum) close(shelf.length, false);
    this.bottom = top;
    this.root.style.height = `${Math.max(0, top - this.gapBelow)}px`;
    for (const [index, card] of this.cards) if (index >= first) this.place(card, index);
    this.render();
  }

  /** The window's width changed: lay out again, with the same cards in sight. */
  refit() {
    const top = -this.root.getBoundingClientRect().top;
    const seen = top > 0 ? this.rows[this.rowAt(top)]?.start : undefined;
    this.measure();
    this.layOut(true);
    if (seen !== undefined) scrollBy(0, this.rowOf(seen).top - top);
  }

  /** The list is another one: make its cards again, where the window is. */
  refresh() {
    for (const card of this.cards.values()) card.remove();
    this.cards.clear();
    this.rows = [];
    this.layOut(true);
  }

  rowAt(top) {
    return this.search((row) => row.top <= top);
  }

  rowOf(index) {
    return this.rows[this.search((row) => row.start <= index)];
  }

  search(before) {
    let low = 0, high = this.rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (before(this.rows[middle])) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }

  soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.render();
    });
  }

  render() {
    if (!this.shelf) return;
    const top = -this.root.getBoundingClientRect().top;
    const view = innerHeight;
    if (this.rows.length) this.fill(this.rowAt(top - view), this.rowAt(top + 2 * view));
    if (this.bottom < top + 3 * view && !this.shelf.complete) this.wanted();
  }

  fill(first, last) {
    const { start } = this.rows[first], { end } = this.rows[last];
    for (const [index, card] of this.cards) {
      const away = index < start || index >= end;
      if (away && !card.contains(document.activeElement)) {
        card.remove();
        this.cards.delete(index);
      }
    }
    let after = [...this.root.children].find((card) => Number(card.dataset.index) >= start) ?? null;
    for (let index = start; index < end; index += 1) {
      let card = this.cards.get(index);
      const item = this.shelf.item(index);
      if (card?.classList.contains("waits") && item) {
        const made = this.made(item, index);
        card.replaceWith(made);
        if (after === card) after = made;
        card = made;
      }
      card ||= this.made(item, index);
      if (card === after) after = after.nextElementSibling;
      else this.root.insertBefore(card, after);
    }
  }

  made(item, index) {
    const card = this.build(item, index);
    this.number(card, index);
    this.place(card, index);
    return card;
  }

  number(card, index) {
    card.dataset.index = index;
    card.setAttribute("aria-posinset", index + 1);
    card.setAttribute("aria-setsize", this.shelf.complete ? this.shelf.length : -1);
    this.cards.set(index, card);
  }

  place(card, index) {
    const { top, tall } = this.rowOf(index);
    const ratio = this.shelf.ratios[index];
    card.style.left = `${this.leftOf(index)}px`;
    card.style.top = `${top}px`;
    card.style.width = `${ratio * tall}px`;
    card.style.setProperty("--ratio", ratio);
  }

  /** Bring a card into sight and put the focus on it. */
  reach(index) {
    const row = this.rowOf(index);
    const edge = this.root.getBoundingClientRect().top + row.top;
    const head = 80;
    if (edge < head) scrollBy(0, edge - head);
    else if (edge + row.tall + this.below > innerHeight) {
      scrollBy(0, edge + row.tall + this.below - innerHeight + head);
    }
    this.render();
    this.cards.get(index)?.querySelector(".main")?.focus({ preventScroll: true });
  }

  /** Arrow keys walk from card to card. */
  walk(event) {
    const card = event.target.closest(".card");
    if (!event.target.matches(".main") || event.altKey || event.ctrlKey || event.metaKey) return;
    const index = Number(card.dataset.index);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const rows = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    let to = index + step;
    if (rows) {
      const row = this.rows[this.rows.indexOf(this.rowOf(index)) + rows];
      const left = parseFloat(card.style.left);
      for (to = row?.start; to + 1 < row?.end; to += 1) {
        if (this.leftOf(to + 1) > left + 1) break;
      }
    }
    if (!(to >= 0 && to < this.shelf.length)) return;
    event.preventDefault();
    this.reach(to);
  }

  leftOf(index) {
    const { start, tall } = this.rowOf(index);
    let left = 0;
    for (let at = start; at < index; at += 1) left += this.shelf.ratios[at] * tall + this.gap;
    return left;
  }
}
