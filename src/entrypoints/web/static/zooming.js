// Zoom and pan of one picture: wheel, pinch, drag, double click; keys call the methods.

const MOST = 12;

export class Zooming {
  /** `swiped(step)` is called after a swipe over the whole picture, `changed(scale)` after each zoom. */
  constructor(stage, picture, { swiped, changed }) {
    Object.assign(this, { stage, picture, swiped, changed, pointers: new Map() });
    this.reset();
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const step = event.deltaY * (event.deltaMode ? 20 : 1) * (event.ctrlKey ? 4 : 1);
      this.zoom(Math.exp(-step * 0.002), event);
    }, { passive: false });
    stage.addEventListener("dblclick", (event) => this.toggle(event));
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, (event) => this.up(event));
    }
  }

  reset() {
    Object.assign(this, { scale: 1, x: 0, y: 0 });
    this.pointers.clear();
    this.apply();
  }

  /** Times a factor, with the point under `at` (or the middle) kept where it is. */
  zoom(factor, at = null) {
    const box = this.stage.getBoundingClientRect();
    const x = at ? at.clientX - box.left - box.width / 2 : 0;
    const y = at ? at.clientY - box.top - box.height / 2 : 0;
    const scale = Math.min(MOST, Math.max(1, this.scale * factor));
    const by = scale / this.scale;
    this.x = x - (x - this.x) * by;
    this.y = y - (y - this.y) * by;
    this.scale = scale;
    this.apply();
  }

  /** Between the whole picture and its own pixels. */
  toggle(at) {
    if (this.scale > 1.01) this.reset();
    else this.zoom(Math.max(2, this.own()), at);
  }

  /** The scale at which a pixel of the picture is one of the screen. */
  own() {
    const { naturalWidth: width, naturalHeight: height } = this.picture;
    const { clientWidth, clientHeight } = this.stage;
    return width ? 1 / Math.min(clientWidth / width, clientHeight / height) : 2;
  }

  pan(x, y) {
    this.x += x;
    this.y += y;
    this.apply();
  }

  apply() {
    const spare = (side) => Math.max(0, (side * (this.scale - 1)) / 2);
    const keep = (value, most) => Math.min(most, Math.max(-most, value));
    this.x = keep(this.x, spare(this.stage.clientWidth));
    this.y = keep(this.y, spare(this.stage.clientHeight));
    this.picture.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.stage.classList.toggle("zoomed", this.scale > 1.01);
    this.changed(this.scale);
  }

  down(event) {
    if (event.button) return;
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event);
    this.from = this.pointers.size === 1 ? event : null;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    this.pointers.set(event.pointerId, event);
    if (!others.length) {
      if (this.scale > 1) this.pan(event.clientX - before.clientX, event.clientY - before.clientY);
      return;
    }
    const [, fixed] = others[0];
    const apart = (one) => Math.hypot(one.clientX - fixed.clientX, one.clientY - fixed.clientY);
    const middle = {
      clientX: (event.clientX + fixed.clientX) / 2, clientY: (event.clientY + fixed.clientY) / 2,
    };
    this.zoom(apart(event) / Math.max(1, apart(before)), middle);
    this.pan((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
  }

  up(event) {
    const { from } = this;
    if (!this.pointers.delete(event.pointerId) || !from || this.scale > 1.01) return;
    const x = event.clientX - from.clientX;
    const isSwipe = Math.abs(x) > 60 && Math.abs(x) > 2 * Math.abs(event.clientY - from.clientY);
    if (event.type === "pointerup" && isSwipe) this.swiped(x < 0 ? 1 : -1);
    this.from = null;
  }
}
