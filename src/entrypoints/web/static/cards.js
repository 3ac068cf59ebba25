// The cards of the grid.
import { base, clock, el, time } from "./site.js";
import { _ } from "./texts.js";
import { wave } from "./waves.js";

/** A card for what the API calls an item; an empty one for null. */
export function card(item) {
  if (!item) return el("li", { class: "card waits" }, el("div", { class: "frame" }));
  const build = { image: picture, audio: song }[item.kind] || other;
  const made = el("li", { class: `card ${item.kind || "other"}`, data: { id: item.artifact_id } });
  made.append(...build(item));
  dress(made, item);
  return made;
}

/** Add what lies over a card: whether it is chosen, a favourite, and its rating. */
function dress(made, item) {
  const name = nameOf(item);
  made.append(
    pick(name),
    el("button", { type: "button", class: "heart", tabindex: "-1", "aria-label": _("Favourite: %(name)s", { name }) }),
  );
  made.append(el("span", { class: "stars" }));
  keep(made, item);
}

/** The box at a card by which it is chosen. */
export const pick = (name) => el("button", {
  type: "button", class: "pick", tabindex: "-1", role: "checkbox", "aria-checked": "false", "aria-label": _("Select %(name)s", { name }),
});

/** Show on a card what a person thinks of its file. */
export function keep(made, item) {
  heart(made.querySelector(".heart"), item);
  made.querySelector(".stars").textContent = item.rating ? `★ ${item.rating}` : "";
}

/** Show on a button whether a file is a favourite. */
export function heart(button, item) {
  button.textContent = item.favourite ? "♥" : "♡";
  button.setAttribute("aria-pressed", item.favourite);
}

/** Whether a card that the server made may stay; it then does what ours do. */
export function adopt(made, item) {
  if (item?.kind !== "image" || made.dataset.id !== String(item.artifact_id) || made.matches(".asked")) return false;
  if (made.querySelector(".pick")) { // scripts made it, for the list before
    keep(made, item);
    return true;
  }
  const image = made.querySelector("img");
  if (image) retry(image);
  dress(made, item);
  return true;
}

export const pageOf = (item) => (item.prompt_id === null ? item.media_url : `${base}/prompts/${item.prompt_id}`);
const nameOf = (item) => item.title || item.file_path;

function picture(item) {
  const image = item.thumbnail_url && el("img", {
    src: item.thumbnail_url, srcset: `${item.thumbnail_url} 320w, ${wider(item)} 640w`,
    sizes: "(max-width: 40rem) 50vw, 20rem", alt: "", loading: "lazy", decoding: "async",
    width: item.width, height: item.height,
  });
  if (image) retry(image);
  return [
    el("a", { class: "open main", href: pageOf(item) },
      el("span", { class: "frame" }, image || lost()),
      el("span", { class: "name", text: nameOf(item), title: item.prompt || nameOf(item) })),
    caption(item, item.width && item.height ? `${item.width} × ${item.height}` : null),
  ];
}

/** The server may be busy with other pictures just now. */
function retry(image, tries = 4) {
  const failed = () => {
    if (!tries) image.replaceWith(lost());
    else setTimeout(() => { image.srcset += ""; retry(image, tries - 1); }, 2000);
  };
  if (image.complete && !image.naturalWidth) failed(); // before anybody listened
  else image.addEventListener("error", failed, { once: true });
}

const wider = (item) => item.thumbnail_url.replace("?w=320", "?w=640");
const lost = () => el("span", { class: "lost", text: _("no picture") });

function song(item) {
  return [
    el("div", { class: "frame" },
      el("button", {
        type: "button", class: "play main", "aria-label": _("Play %(name)s", { name: nameOf(item) }),
        disabled: !item.media_url,
      }),
      el("span", { class: "tags", text: item.tags.join(" · ") }),
      el("span", { class: "number", text: clock(item.duration_seconds) }),
      wave(item)),
    el("a", { class: "name", href: pageOf(item), text: nameOf(item), title: nameOf(item) }),
    caption(item),
  ];
}

function other(item) {
  return [
    el("a", { class: "open main", href: pageOf(item) },
      el("span", { class: "frame" }, el("span", { class: "lost", text: item.format || _("file") })),
      el("span", { class: "name", text: nameOf(item), title: nameOf(item) })),
    caption(item),
  ];
}

/** The button of a card's menu. */
export const more = (name) => el("button", {
  type: "button", class: "more quiet", "aria-haspopup": "menu", "aria-expanded": "false",
  "aria-label": _("Actions for %(name)s", { name }), text: "⋯",
});

const caption = (item, size = null) => el("p", { class: "eyebrow" },
  time(item.created_at), size ? el("span", { class: "size", text: size }) : null,
  more(nameOf(item)),
  item.media_url && el("a", {
    class: "fetch", href: `${item.media_url}?download=1`, download: "",
    "aria-label": _("Download %(name)s", { name: nameOf(item) }), text: "↓",
  }));
