// The rows and cards of Queue, which are filled again and again, so that focus and selection stay.
import { ago, base, moment, span } from "./site.js";
import { _, language, ngettext } from "./texts.js";

const KINDS = { image: _("Image"), audio: _("Song") };
const OUTCOMES = {
  published: _("ready"), failed: _("failed"), released: _("put back"), abandoned: _("worker lost"),
  superseded: _("superseded"), cancelled: _("cancelled"),
};
const SPOKEN = {
  next: (id) => _("Render prompt %(id)s next", { id }),
  cancel: (id) => _("Cancel prompt %(id)s", { id }),
  retry: (id) => _("Retry prompt %(id)s", { id }),
  again: (id) => _("Render again prompt %(id)s", { id }),
};
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });

const show = (element, shown) => { if (element.hidden === shown) element.hidden = !shown; };

/** The element of a row that `data-f` or `data-part` names; looked for once. */
function part(row, name) {
  row.parts ||= {};
  row.parts[name] ||= row.querySelector(`[data-f="${name}"], [data-part="${name}"]`);
  return row.parts[name];
}

/** Set the text of the element that `data-f` names, if it differs. */
export function put(row, name, text) {
  const place = part(row, name);
  if (place && place.said !== text) place.textContent = place.said = text;
  return place;
}

/** Set a text, or hide its element if the text is empty. */
export function putOrHide(row, name, text) {
  show(put(row, name, text || ""), Boolean(text));
}

/** Set a time, relative to now. */
export function putMoment(row, name, iso) {
  const place = part(row, name);
  show(place, Boolean(iso));
  if (!iso) return;
  const written = `${iso}Z`;
  if (place.getAttribute("datetime") !== written) {
    place.setAttribute("datetime", written);
    place.title = exact.format(moment(iso));
  }
  const said = ago(iso);
  if (place.textContent !== said) place.textContent = said;
}

export const blank = (name) => document.getElementById(`blank-${name}`).content.firstElementChild.cloneNode(true);

/**
 * Make the cards of a short `list` those of `items`, in their order. A card that stays is never
 * taken out of the page: that would lose the focus in it.
 */
export function arrange(list, items, { name, key, fill }) {
  const had = new Map([...list.children].map((card) => [card.dataset.key, card]));
  const wanted = new Set(items.map((item) => String(key(item))));
  for (const [id, card] of had) if (!wanted.has(id)) card.remove();
  let place = list.firstElementChild;
  for (const item of items) {
    const id = String(key(item));
    let card = had.get(id);
    if (!card) {
      card = blank(name);
      card.dataset.key = id;
      list.insertBefore(card, place);
    } else if (card === place) {
      place = place.nextElementSibling;
    } else {
      list.insertBefore(card, place);
    }
    fill(card, item);
  }
  show(document.querySelector(`[data-empty="${list.id}"]`), items.length === 0);
}

function fillHead(row, id, title, whole = title) {
  const link = put(row, "title", title);
  if (link.title !== whole) link.title = whole; // since a line cuts it off
  if (row.named === id) return;
  row.named = id;
  link.href = `${base}/prompts/${id}`;
  put(row, "number", `#${id}`);
  row.querySelector(".pick")?.setAttribute("aria-label", _("Select prompt %(id)s", { id }));
  for (const button of row.querySelectorAll("[data-act]")) {
    button.setAttribute("aria-label", SPOKEN[button.dataset.act](id));
  }
}

function fillProblem(row, code, message, hint) {
  const place = part(row, "problem");
  show(place, Boolean(code || message));
  const whole = [message, hint].filter(Boolean).join("\n");
  if (place.title !== whole) place.title = whole;
  putOrHide(row, "code", code);
  put(row, "message", message || "");
}

export function fillWaiting(row, item) {
  fillHead(row, item.id, item.title, item.text);
  show(part(row, "retry"), Boolean(item.retry_at));
  putMoment(row, "retry_at", item.retry_at);
  putMoment(row, "created_at", item.created_at);
  fillProblem(row, item.error?.code, item.error?.message, item.error?.hint);
}

export function fillFailed(row, item) {
  fillHead(row, item.id, item.title, item.text);
  putMoment(row, "finished_at", item.finished_at);
  put(row, "kind", KINDS[item.kind]);
  put(row, "attempts", item.attempts ? ngettext("tried %(num)s time", "tried %(num)s times", item.attempts) : "");
  fillProblem(row, item.error?.code, item.error?.message || _("No reason was recorded."), item.error?.hint);
}

export function fillRendering(card, item) {
  fillHead(card, item.prompt_id, item.text);
  card.dataset.prompt = item.prompt_id;
  const bar = card.querySelector("progress");
  bar.setAttribute("aria-label", _("Progress of prompt %(id)s", { id: item.prompt_id }));
  const known = typeof item.fraction === "number";
  if (known) bar.value = item.fraction;
  else bar.removeAttribute("value");
  put(card, "percent", known ? `${Math.floor(item.fraction * 100)} %` : "");
  put(card, "kind", KINDS[item.kind]);
  put(card, "message", item.message || "");
  put(card, "left", typeof item.seconds_left === "number" ? _("%(time)s left", { time: span(item.seconds_left) }) : "");
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
  image.alt = _("Preview of prompt %(id)s", { id: item.prompt_id });
  image.src = item.preview_url;
}

export function fillEnded(row, item) {
  putMoment(row, "finished_at", item.finished_at);
  if (row.filled === item.render_id) return;
  row.filled = item.render_id;
  const ready = item.outcome === "published";
  fillHead(row, item.prompt_id, item.title);
  row.dataset.prompt = item.prompt_id;
  row.dataset.outcome = item.outcome;
  row.querySelector(".pick").disabled = !ready;
  show(row.querySelector('[data-act="again"]'), ready);
  fillProblem(row, item.code, item.message || "", null);
  show(part(row, "problem"), true);
  put(row, "word", OUTCOMES[item.outcome] || item.outcome);
  put(row, "seconds", typeof item.seconds === "number" ? span(item.seconds) : "");
  fillThumbnail(row.querySelector(".thumb"), item.thumbnail_url);
}

function fillThumbnail(place, url) {
  const picture = place.querySelector("img") || new Image();
  if (!url || (picture.complete && picture.src && !picture.naturalWidth)) {
    picture.remove(); // the file is gone
    return;
  }
  picture.onerror = () => picture.remove();
  if (picture.parentElement) return;
  picture.alt = "";
  picture.decoding = "async";
  picture.src = url;
  place.append(picture);
}
