// Lists that reuse their cards, so that focus, selection and open details stay.
import { ago, base, digits, moment, span } from "./site.js";

const KINDS = { image: "Image", audio: "Song" };
const OUTCOMES = {
  published: "ready", failed: "failed", released: "put back", abandoned: "worker lost",
  superseded: "superseded", cancelled: "cancelled",
};

const part = (card, name) => card.querySelector(`[data-part="${name}"]`);
const show = (element, shown) => { element.hidden = !shown; };

/** Set the text of the element that `data-f` names, if it differs. */
export function put(card, name, text) {
  const place = card.querySelector(`[data-f="${name}"]`);
  if (place && place.textContent !== text) place.textContent = text;
  return place;
}

/** Set a text, or hide its element if the text is empty. */
export function putOrHide(card, name, text) {
  show(put(card, name, text || ""), Boolean(text));
}

/** Set a time, relative to now. */
export function putMoment(card, name, iso) {
  const place = card.querySelector(`[data-f="${name}"]`);
  show(place, Boolean(iso));
  if (!iso) return;
  const written = `${iso}Z`;
  if (place.getAttribute("datetime") !== written) {
    place.setAttribute("datetime", written);
    place.title = moment(iso).toLocaleString();
  }
  const said = ago(iso);
  if (place.textContent !== said) place.textContent = said;
}

/**
 * Make the cards of `list` those of `items`, in their order. A card that stays is never taken out
 * of the page: that would lose the focus in it.
 */
export function arrange(list, items, { blank, key, fill }) {
  const had = new Map([...list.children].map((card) => [card.dataset.key, card]));
  const wanted = new Set(items.map((item) => String(key(item))));
  for (const [name, card] of had) if (!wanted.has(name)) card.remove();
  let place = list.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let card = had.get(name);
    if (!card) {
      card = document.getElementById(blank).content.firstElementChild.cloneNode(true);
      card.dataset.key = name;
      list.insertBefore(card, place);
    } else if (card === place) {
      place = place.nextElementSibling;
    } else {
      list.insertBefore(card, place);
    }
    const said = JSON.stringify(item);
    fill(card, item, card.said !== said);
    card.said = said;
  }
  const empty = document.querySelector(`[data-empty="${list.id}"]`);
  if (empty) show(empty, items.length === 0);
}

function fillHead(card, id, title) {
  const link = put(card, "title", title);
  link.href = `${base}/prompts/${id}`;
  link.title = title;
  put(card, "number", `#${id}`);
  put(card, "ears", String(id));
  card.querySelector(".pick")?.setAttribute("aria-label", `Select prompt ${id}`);
}

const READ = {
  size: (brief) => (brief.width && brief.height
    ? `${brief.width} × ${brief.height}` : brief.aspect_ratio || ""),
  seed: (brief, raw) => (brief.seed === null ? "" : digits(brief.seed, raw)),
};

const words = (value) => (Array.isArray(value) ? value.join(", ") : value || "");

function fillBrief(card, { brief, raw }) {
  show(part(card, "brief"), Boolean(brief));
  for (const row of card.querySelectorAll("[data-row]")) {
    const name = row.dataset.row;
    const text = brief ? (READ[name] ? READ[name](brief, raw) : words(brief[name])) : "";
    row.querySelector("dd").textContent = text;
    show(row, Boolean(text));
  }
  const sections = part(card, "sections");
  if (!sections) return;
  const sung = brief?.sections || [];
  show(sections, sung.length > 0);
  put(card, "parts", String(sung.length));
  sections.querySelector("ol").replaceChildren(...sung.map((section) => {
    const made = document.getElementById("blank-section").content.firstElementChild.cloneNode(true);
    put(made, "type", section.type);
    put(made, "lyrics", section.lyrics);
    return made;
  }));
}

export function fillWaiting(card, item, isNew) {
  show(part(card, "retry"), Boolean(item.retry_at));
  putMoment(card, "retry_at", item.retry_at);
  putMoment(card, "created_at", item.created_at);
  if (!isNew) return;
  fillHead(card, item.id, item.title || item.text);
  putOrHide(card, "text", [item.title, item.brief?.prompt].includes(item.text) ? "" : item.text);
  show(part(card, "problem"), Boolean(item.brief_problem));
  for (const name of ["code", "message", "hint"]) put(card, name, item.brief_problem?.[name] || "");
  fillBrief(card, item);
  put(card, "raw", item.raw || "").setAttribute("aria-label", `The writing of prompt ${item.id}`);
  show(part(card, "raw"), Boolean(item.raw));
  show(part(card, "cut"), item.raw_truncated);
}

export function fillRendering(card, item) {
  fillHead(card, item.prompt_id, item.text);
  card.dataset.prompt = item.prompt_id;
  const bar = card.querySelector("progress");
  bar.setAttribute("aria-label", `Progress of prompt ${item.prompt_id}`);
  const known = typeof item.fraction === "number";
  if (known) bar.value = item.fraction;
  else bar.removeAttribute("value");
  put(card, "percent", known ? `${Math.floor(item.fraction * 100)} %` : "");
  put(card, "kind", KINDS[item.kind]);
  put(card, "message", item.message || "");
  put(card, "left", typeof item.seconds_left === "number" ? `${span(item.seconds_left)} left` : "");
  put(card, "worker", item.worker);
  putMoment(card, "started_at", item.started_at);
  fillPreview(card, item);
}

/** The preview. The old one stays until the new one has loaded; a missing one is hidden. */
function fillPreview(card, item) {
  const image = card.querySelector(".preview");
  if (image.getAttribute("src") === item.preview_url) return;
  show(image, Boolean(item.preview_url));
  if (!item.preview_url) {
    image.removeAttribute("src");
    return;
  }
  image.onerror = () => show(image, false);
  image.alt = `Preview of prompt ${item.prompt_id}`;
  image.src = item.preview_url;
}

export function fillFailed(card, item, isNew) {
  putMoment(card, "finished_at", item.finished_at);
  if (!isNew) return;
  fillHead(card, item.id, item.text);
  put(card, "kind", KINDS[item.kind]);
  put(card, "attempts", item.attempts ? `tried ${item.attempts} time${item.attempts === 1 ? "" : "s"}` : "");
  putOrHide(card, "code", item.error?.code);
  put(card, "message", item.error?.message || "No reason was recorded.");
  putOrHide(card, "hint", item.error?.hint);
}

export function fillEnded(card, item, isNew) {
  putMoment(card, "finished_at", item.finished_at);
  if (!isNew) return;
  const ready = item.outcome === "published";
  fillHead(card, item.prompt_id, `${KINDS[item.kind]} #${item.prompt_id}`);
  card.dataset.prompt = item.prompt_id;
  card.dataset.outcome = item.outcome;
  card.querySelector(".pick").disabled = !ready;
  show(card.querySelector('[data-act="again"]'), ready);
  put(card, "word", OUTCOMES[item.outcome] || item.outcome);
  putOrHide(card, "code", item.code);
  put(card, "seconds", typeof item.seconds === "number" ? span(item.seconds) : "");
}
