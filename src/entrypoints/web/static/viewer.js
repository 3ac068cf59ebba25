// The full-screen viewer.
import { base, bytes, complain, el, moment, span, toast } from "./site.js";
import { actionsOf, openMenu } from "./actions.js";
import { heart } from "./cards.js";
import { curate, fillStars, keyed, pressedStar } from "./curation.js";
import { _, language } from "./texts.js";
import { Zooming } from "./zooming.js";

const find = (name) => document.getElementById(`viewer-${name}`);
const PAN = 80; // pixels, by one press of an arrow key

/** What the mark in a file says, in words. */
function origin({ source_type: type, signature }) {
  const words = {
    trainedAlgorithmicMedia: _("marked as made by an AI model"),
    algorithmicMedia: _("marked as made by a program"),
  };
  const signatures = { // as on the page of a prompt
    written: _("signed"), present: _("came with a signature"), sidecar: _("signed in a file beside it"),
    ingredient: _("signed, with the signature that it came with as an ingredient"),
  };
  return [type && (words[type] || _("marked as %(type)s", { type })), signatures[signature]].filter(Boolean).join(", ");
}

export class Viewer {
  /** `closed(index)` is called with the picture that was shown last. */
  constructor(closed) {
    this.dialog = document.getElementById("viewer");
    this.picture = find("picture");
    this.details = find("details");
    this.zooming = new Zooming(find("stage"), this.picture, {
      swiped: (step) => this.go(step),
      changed: (scale) => { find("scale").textContent = `${Math.round(scale * 100)}%`; },
    });
    this.dialog.addEventListener("close", () => {
      this.picture.removeAttribute("src");
      if (history.state?.viewer) {
        this.left = new Promise((go) => { addEventListener("popstate", go, { once: true }); });
        history.back();
      }
      closed(this.index);
    });
    addEventListener("popstate", () => { if (this.dialog.open) this.dialog.close(); });
    addEventListener("resize", () => { if (this.dialog.open) this.zooming.apply(); });
    this.dialog.addEventListener("keydown", (event) => this.key(event));
    const buttons = {
      close: () => this.dialog.close(),
      next: () => this.go(1),
      previous: () => this.go(-1),
      in: () => this.zooming.zoom(1.5),
      out: () => this.zooming.zoom(1 / 1.5),
      fit: () => this.zooming.reset(),
      info: () => this.inform(this.details.hidden),
      more: () => { if (this.item) openMenu(find("more"), actionsOf(this.item)); },
    };
    for (const [name, work] of Object.entries(buttons)) find(name).addEventListener("click", work);
    find("heart").addEventListener("click", () => this.item && curate([this.item], { favourite: !this.item.favourite }));
    find("stars").addEventListener("click", (event) => {
      if (event.target.closest(".star")) curate([this.item], { rating: pressedStar(event.target, this.item) });
    });
    document.addEventListener("curated", ({ detail }) => {
      if (detail.includes(this.item)) this.keep(this.item);
    });
    document.addEventListener("moved", ({ detail }) => {
      if (this.dialog.open && detail.includes(this.item)) this.dialog.close();
    });
    this.inform(matchMedia("(min-width: 60rem)").matches);
  }

  async open(shelf, index) {
    await this.left; // the way back of the last time would lead out of this one
    this.shelf = shelf;
    history.scrollRestoration = "manual"; // the way back must not undo what `closed` scrolls
    history.pushState({ viewer: true }, "");
    this.dialog.showModal();
    find("stage").focus();
    await this.show(index);
  }

  /** The next picture, or the one before; songs between them are left out. */
  async go(step) {
    const asked = this.index;
    const found = await this.shelf.find(asked, step, "image").catch(complain);
    if (found === undefined || this.index !== asked || !this.dialog.open) return;
    if (found >= 0) await this.show(found);
    else toast(step > 0 ? _("This is the last picture.") : _("This is the newest picture."));
  }

  async show(index) {
    this.index = index;
    this.dialog.classList.add("loads");
    const item = await this.shelf.get(index).catch(complain);
    if (!item || this.index !== index || !this.dialog.open) return;
    this.item = item;
    this.zooming.reset();
    find("title").textContent = item.title || item.file_path;
    find("download").href = `${item.media_url}?download=1`;
    this.describe(item);
    this.picture.alt = item.prompt || item.title || "";
    this.picture.src = item.thumbnail_url || item.media_url;
    const whole = new Image();
    whole.src = item.media_url;
    const isHere = await whole.decode().then(() => true, () => false);
    if (this.index !== index || !this.dialog.open) return;
    this.dialog.classList.remove("loads");
    if (isHere) this.picture.src = whole.src;
    else toast(_("This picture cannot be shown."), { kind: "bad", hint: item.file_path });
    this.prepare();
  }

  /** Ask for the neighbours, so that they are there at once. */
  prepare() {
    for (const index of [this.index + 1, this.index - 1]) {
      if (this.shelf.kinds[index] === "image") {
        this.shelf.get(index).then((item) => { new Image().src = item?.media_url; }, () => {});
      }
    }
  }

  describe(item) {
    const facts = {
      [_("Seed")]: item.seed,
      [_("Size")]: item.width && _("%(width)s × %(height)s pixels", { width: item.width, height: item.height }),
      [_("Format")]: item.format, [_("File")]: item.file_size && bytes(item.file_size),
      [_("Workflow")]: item.workflow, [_("Renderer")]: item.renderer,
      [_("Duration")]: item.duration_seconds && span(item.duration_seconds),
      [_("Created")]: item.created_at && moment(item.created_at).toLocaleString(language),
      [_("Path")]: item.file_path,
    };
    find("facts").replaceChildren(...Object.entries(facts)
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })]));
    find("mark").hidden = !item.source_type && !item.signature;
    find("origin").textContent = origin(item);
    find("prompt").textContent = item.prompt || "–";
    find("negative").textContent = item.negative_prompt || "";
    find("negative-part").hidden = !item.negative_prompt;
    find("tags").replaceChildren(...item.tags.map((tag) => el("li", { class: "chip", text: tag })));
    this.keep(item);
    find("page").hidden = item.prompt_id === null;
    find("page").href = `${base}/prompts/${item.prompt_id}`;
  }

  /** Show what a person thinks of the picture. */
  keep(item) {
    heart(find("heart"), item);
    fillStars(find("stars"), item);
    const named = [...item.own_tags, ...item.collections];
    find("own").hidden = !named.length;
    find("own").replaceChildren(...named.map((name) => el("li", { class: "chip accent", text: name })));
  }

  inform(wanted) {
    this.details.hidden = !wanted;
    find("info").setAttribute("aria-expanded", wanted);
    this.zooming.apply();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || keyed(event, this.item)) return;
    const { zooming } = this;
    const isIn = zooming.scale > 1.01;
    const isReading = this.details.contains(event.target);
    const arrow = (x, y, step) => (isIn ? zooming.pan(x, y) : step && this.go(step));
    const keys = {
      "+": () => zooming.zoom(1.25), "=": () => zooming.zoom(1.25), "-": () => zooming.zoom(0.8),
      Home: () => zooming.reset(), i: () => this.inform(this.details.hidden), m: () => find("more").click(),
      PageDown: () => this.go(1), PageUp: () => this.go(-1),
      ArrowRight: () => arrow(-PAN, 0, 1), ArrowLeft: () => arrow(PAN, 0, -1),
      ArrowDown: () => arrow(0, -PAN), ArrowUp: () => arrow(0, PAN),
    };
    const scrolls = /^(Page|ArrowUp|ArrowDown)/.test(event.key) && isReading;
    if (!keys[event.key] || scrolls) return;
    event.preventDefault();
    keys[event.key]();
  }
}
