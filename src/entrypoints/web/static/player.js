// The player at the bottom of the page: plays song after song, and shows lyrics.
import { api, base, clock, complain, el, isTyping, toast } from "./site.js";
import { actionsOf, openMenu } from "./actions.js";
import { heart, pageOf } from "./cards.js";
import { curate, keyed } from "./curation.js";
import { Shelf } from "./shelf.js";
import { _ } from "./texts.js";
import { fill, reached, wave } from "./waves.js";

const find = (name) => document.getElementById(`player-${name}`);
const STEP = 5; // seconds, by one press of an arrow key
const KEPT = "mediagen-player"; // what the next page of this tab resumes with

let player = null;

/** The player of this page. */
export const thePlayer = () => (player ||= new Player());

class Player {
  constructor() {
    this.dock = document.getElementById("player");
    this.audio = find("audio");
    this.item = null;
    this.wave = wave(null);
    find("wave").append(this.wave);
    const { audio } = this;
    for (const event of ["play", "pause", "timeupdate", "durationchange", "seeked"]) {
      audio.addEventListener(event, () => this.tell());
    }
    audio.addEventListener("ended", () => this.go(1));
    audio.addEventListener("error", () => {
      if (!this.item || !audio.getAttribute("src") || this.tryAgain()) return;
      toast(_("“%(title)s” cannot be played.", { title: this.item.title }), { kind: "bad", hint: this.item.file_path });
    });
    const buttons = {
      toggle: () => this.toggle(), next: () => this.go(1), previous: () => this.back(),
      words: () => this.read(find("lyrics").hidden), shut: () => this.read(false),
      close: () => this.close(),
      more: () => openMenu(find("more"), actionsOf(this.item)),
    };
    for (const [name, work] of Object.entries(buttons)) find(name).addEventListener("click", work);
    find("heart").addEventListener("click", () => curate([this.item], { favourite: !this.item.favourite }));
    document.addEventListener("curated", ({ detail }) => {
      const same = this.item && detail.find((item) => this.plays(item));
      if (!same) return;
      Object.assign(this.item, same);
      heart(find("heart"), this.item);
    });
    this.dock.addEventListener("seek", (event) => this.seek(event.detail));
    find("wave").addEventListener("keydown", (event) => this.slide(event));
    document.addEventListener("keydown", (event) => this.key(event));
    addEventListener("pagehide", () => this.keep());
    this.session();
  }

  /** Continue a song that broke off, once at each place: the address that it came from has an end. */
  tryAgain() {
    const { audio } = this;
    const { currentTime: at, paused } = audio;
    if (!at || at === this.brokeAt) return false;
    this.brokeAt = at;
    audio.load();
    audio.currentTime = at;
    if (!paused) audio.play().catch(() => {});
    return true;
  }

  /** Keep what plays, for the next page of this tab. */
  keep() {
    const { audio, item, shelf } = this;
    try {
      if (!item) sessionStorage.removeItem(KEPT);
      else {
        sessionStorage.setItem(KEPT, JSON.stringify({
          item, filters: shelf.filters, at: audio.currentTime, plays: !audio.paused,
        }));
      }
    } catch {
      // Without storage the song ends with its page.
    }
  }

  /** Resume with what the page before has kept, unless something plays already. */
  async resume({ item, filters, at, plays }) {
    if (this.item) return;
    this.shelf = new Shelf(filters);
    this.index = null; // found when the next song is wanted
    this.load(item);
    this.audio.addEventListener("loadedmetadata", () => { this.audio.currentTime = at; }, { once: true });
    if (plays) await this.audio.play().catch(() => {}); // a browser may want a press first
  }

  /** Where the song stands on its shelf, which a page before has filled. */
  async place() {
    const { item, shelf } = this;
    while (this.index === null && this.item === item) {
      const index = shelf.ids.indexOf(item.artifact_id);
      if (index >= 0) this.index = index;
      else if (shelf.complete) this.index = -1; // it is gone: the newest is next
      else await shelf.more();
    }
  }

  /** Play what stands there, from a fraction of its length. */
  async play(shelf, index, fraction = 0) {
    const item = await shelf.get(index).catch(complain);
    if (!item?.media_url) return;
    Object.assign(this, { shelf, index });
    if (this.item?.artifact_id !== item.artifact_id) this.load(item);
    this.start = fraction;
    if (this.audio.readyState) this.seek(fraction);
    else this.audio.addEventListener("loadedmetadata", () => this.seek(this.start), { once: true });
    await this.audio.play().catch((error) => {
      if (error.name === "NotAllowedError") toast(_("Press Play to hear it."));
    });
  }

  load(item) {
    this.item = item;
    this.dock.hidden = false;
    document.body.classList.add("docked");
    this.audio.src = item.media_url;
    find("title").textContent = item.title || item.file_path;
    find("title").href = pageOf(item);
    heart(find("heart"), item);
    find("tags").textContent = item.tags.join(" · ");
    find("download").href = `${item.media_url}?download=1`;
    fill(this.wave, item);
    if (!find("lyrics").hidden) this.read(true);
    if (navigator.mediaSession) {
      navigator.mediaSession.metadata = new MediaMetadata({
        title: item.title || "", artist: item.tags.join(", "), album: "Media Generator",
      });
    }
    this.tell();
  }

  plays(item) {
    return this.item?.artifact_id === item.artifact_id;
  }

  toggle() {
    if (this.audio.paused) this.audio.play().catch(() => {});
    else this.audio.pause();
  }

  seek(fraction) {
    const { duration } = this.audio;
    if (Number.isFinite(duration)) this.audio.currentTime = fraction * duration;
  }

  skip(seconds) {
    this.audio.currentTime = Math.max(0, this.audio.currentTime + seconds);
  }

  async go(step) {
    const { item, shelf } = this;
    if (this.index === null) await this.place().catch(complain);
    if (this.index === null) return;
    const found = await shelf.find(this.index, step, "audio").catch(complain);
    if (found === undefined || this.item !== item || this.shelf !== shelf) return;
    if (found >= 0) await this.play(shelf, found);
    else toast(step > 0 ? _("This is the last song.") : _("This is the newest song."));
  }

  back() {
    if (this.audio.currentTime > 3) this.seek(0);
    else this.go(-1);
  }

  close() {
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
    this.read(false);
    this.item = null;
    this.keep();
    this.tell();
    this.dock.hidden = true;
    document.body.classList.remove("docked");
    document.getElementById("main").focus({ preventScroll: true });
  }

  /** Everything that shows how far the song is: the bar, and its card when it is in the document. */
  tell() {
    const { audio, item } = this;
    const length = Number.isFinite(audio.duration) ? audio.duration : item?.duration_seconds || 0;
    const at = length ? audio.currentTime / length : 0;
    const isOn = !audio.paused;
    find("toggle").classList.toggle("on", isOn);
    find("toggle").setAttribute("aria-label", isOn ? _("Pause") : _("Play"));
    find("time").textContent = `${clock(audio.currentTime)} / ${clock(length)}`;
    reached(this.wave, at);
    const slider = find("wave");
    slider.setAttribute("aria-valuemax", Math.round(length));
    slider.setAttribute("aria-valuenow", Math.round(audio.currentTime));
    slider.setAttribute("aria-valuetext", _("%(at)s of %(length)s", { at: clock(audio.currentTime), length: clock(length) }));
    for (const card of document.querySelectorAll(".card.audio")) {
      const isThis = item !== null && card.dataset.id === String(item.artifact_id);
      if (isThis || card.classList.contains("current")) this.mark(card, isThis, isThis && isOn, at);
    }
  }

  mark(card, isThis, isOn, at) {
    card.classList.toggle("current", isThis);
    const button = card.querySelector(".play");
    button.classList.toggle("on", isOn);
    const name = card.querySelector(".name").textContent;
    button.setAttribute("aria-label", isOn ? _("Pause %(name)s", { name }) : _("Play %(name)s", { name }));
    reached(card.querySelector(".wave"), isThis ? at : 0);
  }

  /** Show the lyrics, or hide them. */
  async read(wanted) {
    find("lyrics").hidden = !wanted;
    find("words").setAttribute("aria-expanded", wanted);
    if (!wanted) return;
    const { item } = this;
    find("lyrics-title").textContent = item.title || _("Lyrics");
    const text = find("text");
    text.replaceChildren(el("p", { class: "soft", text: "…" }));
    const told = item.prompt_id !== null
      && await api(`${base}/api/v1/prompts/${item.prompt_id}`).catch(complain);
    if (this.item !== item) return;
    const parts = told?.brief?.sections || [];
    text.replaceChildren(...parts.flatMap((part) => [
      el("h3", { class: "eyebrow", text: part.type }), el("p", { class: "said", text: part.lyrics }),
    ]));
    if (!parts.length) text.append(el("p", { class: "soft", text: _("No lyrics.") }));
  }

  slide(event) {
    const { audio } = this;
    const keys = {
      ArrowRight: () => this.skip(STEP), ArrowUp: () => this.skip(STEP),
      ArrowLeft: () => this.skip(-STEP), ArrowDown: () => this.skip(-STEP),
      PageUp: () => this.skip(30), PageDown: () => this.skip(-30),
      Home: () => this.seek(0), End: () => this.skip(audio.duration - audio.currentTime - 1),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }

  /** Space and arrows, where no other control has the focus. */
  key(event) {
    if (this.dock.hidden || event.defaultPrevented || isTyping(event.target)) return;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const isFree = [document.body, document.getElementById("main"), this.dock].includes(event.target);
    const work = {
      " ": () => this.toggle(), ArrowRight: () => this.skip(STEP), ArrowLeft: () => this.skip(-STEP),
      Escape: () => this.read(false),
    }[event.key];
    if (isFree && keyed(event, this.item)) return;
    if (!work || (!isFree && event.key !== "Escape")) return;
    event.preventDefault();
    work();
  }

  session() {
    const controls = {
      play: () => this.toggle(), pause: () => this.toggle(),
      nexttrack: () => this.go(1), previoustrack: () => this.back(),
      seekto: ({ seekTime }) => { this.audio.currentTime = seekTime; },
    };
    for (const [name, work] of Object.entries(controls)) {
      navigator.mediaSession?.setActionHandler(name, work);
    }
  }
}
