// The media, or the prompts, that match the filters, newest first. Only a few numbers of each stay in memory; the
// rest is dropped when unused, and fetched again.
import { api, base } from "./site.js";

const PAGE = 100;
const KEPT = 6; // pages that stay in memory
const MOST_ASKED = 40; // pages, after which the search for the next song gives up

/** Whether an item is a prompt in a list, rather than a file. */
export const isPrompt = (item) => !("artifact_id" in item);
export const idOf = (item) => (isPrompt(item) ? item.id : item.artifact_id);

const OF_SEARCH = ["kind", "status", "search"]; // filters that a search for prompts has
const OF_LIST = ["kind", "status", "text", "since", "until"]; // those of their list

/** Whether filters ask for prompts, as asks_for_prompts of pages.py: by a status in which most have no files. */
export function areOfPrompts(filters) {
  const known = filters.some(([name]) => name === "search") ? OF_SEARCH : OF_LIST;
  return filters.some(([name, value]) => name === "status" && value !== "ready")
    && filters.every(([name]) => known.includes(name));
}

/** Width by height, in steps that the style sheet knows as .r6 to .r24; a song has one of its own. */
export const ratioOf = (item) => {
  if (item.kind !== "image" || isPrompt(item)) return 1.6;
  const ratio = item.width > 0 && item.height > 0 ? item.width / item.height : 1;
  return Math.round(Math.min(2.4, Math.max(0.6, ratio)) * 10) / 10;
};

/** An answer with files or with prompts, as one with items. */
const listed = ({ items, prompts, next_cursor }) => ({ items: items || prompts, next_cursor });

export class Shelf {
  /** `given`: what the API would answer first, where the page brought it along. */
  constructor(filters, given = null) {
    this.filters = filters;
    this.hasPrompts = areOfPrompts(filters);
    this.given = given;
    this.ids = [];
    this.kinds = [];
    this.ratios = [];
    this.pages = [];
    this.cursor = null;
    this.complete = false;
    this.loading = null;
    this.looks = 0;
    this.stopped = new AbortController();
    this.filled = () => {};
  }

  get length() {
    return this.ids.length;
  }

  async ask(cursor, limit = PAGE) {
    const query = new URLSearchParams(this.filters);
    query.set("limit", limit);
    if (cursor) query.set("cursor", cursor);
    const { signal } = this.stopped;
    if (query.has("search")) query.set("typing", 1); // the last word may be half of one
    if (!this.hasPrompts) return api(`${base}/api/v1/gallery?${query}`, { signal });
    const isSearch = query.has("search");
    if (isSearch) {
      query.set("text", query.get("search"));
      query.delete("search");
    }
    return listed(await api(`${base}/api/v1/${isSearch ? "search" : "prompts"}?${query}`, { signal }));
  }

  /** Bring what comes next; a second call waits for the first. */
  more() {
    if (this.complete) return Promise.resolve();
    this.loading ||= this.next().finally(() => { this.loading = null; });
    return this.loading;
  }

  async next() {
    let count = 0;
    while (!count && !this.complete) { // a page may be empty although others follow
      const { cursor } = this;
      const { items, next_cursor: following } = this.given ? listed(this.given) : await this.ask(cursor);
      this.given = null;
      count = items.length;
      if (count) this.pages.push({ start: this.length, cursor, items, used: ++this.looks });
      for (const item of items) {
        this.ids.push(idOf(item));
        this.kinds.push(isPrompt(item) ? "prompt" : item.kind);
        this.ratios.push(ratioOf(item));
      }
      this.cursor = following;
      this.complete = !following;
    }
    this.forget();
  }

  /** What stands there, or null while it is asked for again; `filled` tells when it came. */
  item(index) {
    const page = this.pageOf(index);
    page.used = ++this.looks;
    if (!page.items) this.fill(page).then(() => this.filled(), () => {});
    return page.items ? page.items[index - page.start] : null;
  }

  /** What stands there if it is in memory, or null. */
  known(index) {
    const page = this.pageOf(index);
    return page?.items?.[index - page.start] || null;
  }

  /** Take files out of the list. */
  remove(ids) {
    const stays = this.ids.map((id) => !ids.has(id));
    const kept = (_value, index) => stays[index];
    let at = 0, gone = 0;
    for (const page of this.pages) {
      for (; at < page.start; at += 1) if (!stays[at]) gone += 1;
      page.items &&= page.items.filter((item) => item && !ids.has(idOf(item)));
      page.start -= gone;
    }
    for (const name of ["kinds", "ratios", "ids"]) this[name] = this[name].filter(kept);
  }

  async get(index) {
    const page = this.pageOf(index);
    if (!page.items) await this.fill(page);
    return page.items[index - page.start];
  }

  /** Where the next one of a kind stands, looking on from there; -1 when there is none. */
  async find(from, step, kind) {
    let asked = 0;
    for (let index = from + step; index >= 0; index += step) {
      while (index >= this.length) {
        if (this.complete || asked === MOST_ASKED) return -1;
        asked += 1;
        await this.more();
      }
      if (this.kinds[index] === kind) return index;
    }
    return -1;
  }

  pageOf(index) {
    let low = 0, high = this.pages.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.pages[middle].start <= index) low = middle;
      else high = middle - 1;
    }
    return this.pages[low];
  }

  fill(page) {
    page.filling ||= this.ask(page.cursor).then(({ items }) => {
      const found = new Map(items.map((item) => [idOf(item), item]));
      const end = this.pages[this.pages.indexOf(page) + 1]?.start ?? this.length;
      page.items = this.ids.slice(page.start, end).map((id) => found.get(id));
      this.forget();
    }).finally(() => { page.filling = null; });
    return page.filling;
  }

  forget() {
    // The first page's place moves when new media come, so it is never asked for again.
    const whole = this.pages.slice(1).filter((page) => page.items);
    whole.sort((one, other) => one.used - other.used);
    for (const page of whole.slice(0, -KEPT)) page.items = null;
  }

  /** Cancel the request under way. The player may continue through the songs on this shelf. */
  drop() {
    this.stopped.abort();
    this.stopped = new AbortController();
  }
}
