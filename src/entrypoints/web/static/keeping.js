// Browse: ratings on cards, what can be filtered by, and choosing several cards.
import { keep } from "./cards.js";
import { curate, keyed } from "./curation.js";
import { Selection } from "./selection.js";
import { idOf } from "./shelf.js";
import { api, base, complain, el } from "./site.js";

const indexOf = (element) => Number(element.closest(".card").dataset.index);

export class Keeping {
  /**
   * `current()` gives the shelf that is wanted, `start()` fills another, and `counted()` is called
   * when the number of files changed.
   */
  constructor(root, sheet, { current, start, counted }) {
    this.selection = new Selection(root, sheet, document.getElementById("select"));
    root.addEventListener("click", (event) => {
      const pressed = event.target.closest(".heart");
      if (!pressed || !sheet.shelf) return;
      sheet.shelf.get(indexOf(pressed))
        .then((item) => curate([item], { favourite: !item.favourite }), complain);
    });
    // Keys at a card: a rating, a favourite.
    root.addEventListener("keydown", (event) => {
      const made = event.target.closest(".card");
      if (made?.dataset.index && sheet.shelf) keyed(event, sheet.shelf.known(indexOf(made)));
    });
    document.addEventListener("curated", ({ detail }) => {
      for (const item of detail) {
        const made = root.querySelector(`.card[data-id="${item.artifact_id}"]`);
        if (made?.querySelector(".heart")) keep(made, item);
      }
    });
    document.addEventListener("moved", ({ detail }) => {
      const shelf = current();
      if (sheet.shelf !== shelf) return;
      const gone = new Set(detail.map(idOf));
      if (!shelf.ids.some((id) => gone.has(id))) { start(); return; } // they are back
      shelf.remove(gone);
      this.selection.reset();
      sheet.refresh();
      counted();
    });
    const slider = document.getElementById("thumbnails");
    slider.addEventListener("change", () => {
      try {
        localStorage.setItem("mediagen-thumbnails", slider.value);
      } catch {
        // Without storage the size lasts until the page is closed.
      }
    });
    // What can be filtered by is asked for when it is looked at.
    const details = document.getElementById("more-filters");
    const refresh = async () => {
      if (!details.open) return;
      const [groups, labels] = await Promise.all([
        api(`${base}/api/v1/gallery/groups`), api(`${base}/api/v1/labels`),
      ]).catch(() => []);
      if (!groups) return;
      const lists = {
        tags: groups.tags.map(({ name }) => name), collections: groups.collections.map(({ name }) => name),
        labels: labels.labels.map(({ label }) => label), workflows: groups.workflows,
      };
      for (const [name, values] of Object.entries(lists)) {
        document.getElementById(`known-${name}`).replaceChildren(...values.map((value) => el("option", { value })));
      }
    };
    details.addEventListener("toggle", refresh);
    document.getElementById("groups").addEventListener("click", () => {
      import("./groups.js").then(({ openGroups }) => openGroups()).catch(complain);
    });
    document.addEventListener("renamed", ({ detail: { sort, name, newName } }) => {
      refresh();
      const field = details.querySelector(`[name="${sort}"]`);
      if (field.value === name) {
        field.value = newName || "";
        field.form.requestSubmit();
      } else start(); // the files have other tags now
    });
  }
}
