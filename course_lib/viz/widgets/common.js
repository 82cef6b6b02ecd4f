// What all widgets share. Python puts this text in front of each widget's own script, so that both are one
// module: no build step, nothing fetched. A widget's script ends with
//   const widget = { render }; export default widget;
const course = {};

// ---- arrays: the bytes of Python's `pack`, read by its `layout` ----
course.arrays = (bytes, layout) => {
  const buffer = bytes instanceof DataView ? bytes.buffer : bytes.buffer ?? bytes;
  const start = bytes.byteOffset ?? 0, found = {};
  for (const [name, { offset, shape, dtype }] of Object.entries(layout)) {
    const size = shape.reduce((a, b) => a * b, 1);
    const wide = { float32: 4, int32: 4, float16: 2, uint16: 2, uint8: 1 }[dtype];
    const raw = buffer.slice(start + offset, start + offset + size * wide);  // a copy begins at 0: aligned
    const kinds = { float32: Float32Array, int32: Int32Array, float16: Uint16Array, uint16: Uint16Array, uint8: Uint8Array };
    let data = new kinds[dtype](raw);
    if (dtype === "float16") data = Float32Array.from(data, course.half);
    found[name] = { shape, data };
  }
  return found;
};
course.half = bits => {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, rest = bits & 1023;
  if (exponent === 0) return sign * rest * 2 ** -24;
  if (exponent === 31) return rest ? NaN : sign * Infinity;
  return sign * (1 + rest / 1024) * 2 ** (exponent - 15);
};

// ---- asking Python for arrays; in a page without a kernel the answers are already there ----
course.asker = model => {
  const waiting = new Map();
  let number = 0;
  const hear = (message, buffers) => {
    const one = waiting.get(message.id);
    if (!one) return;
    waiting.delete(message.id);
    if (message.error) one.reject(new Error(message.error));
    else one.resolve(course.arrays(buffers[0], message.arrays));
  };
  model.on("msg:custom", hear);
  return {
    ask: request => new Promise((resolve, reject) => {
      const id = ++number;
      waiting.set(id, { resolve, reject });
      model.send({ id, request });
      setTimeout(() => waiting.delete(id) && reject(new Error("Python does not answer: is the kernel running?")), 20000);
    }),
    close: () => model.off("msg:custom", hear),
  };
};
course.change = (model, key, value) => { model.set(key, value); model.save_changes(); };
course.record = (model, entry) => course.change(model, "log", [...(model.get("log") ?? []), entry]);

// ---- state and log: Python may change them as well ----
// act(given) when the model's state is not the widget's own(), whose changes are heard here too; returns what ends it
course.follow = (model, own, act) => {
  const heard = () => {
    const given = model.get("state"), mine = own();
    if (Object.keys(given).some(key => JSON.stringify(given[key]) !== JSON.stringify(mine[key]))) act(given);
  };
  model.on("change:state", heard);
  return () => model.off("change:state", heard);
};
// the same for the log: act() when Python has changed it
course.logbook = (model, act) => {
  let own = false;
  const heard = () => { if (!own) act(); };
  model.on("change:log", heard);
  return {
    rows: () => model.get("log") ?? [],
    record: entry => { own = true; course.record(model, entry); own = false; },
    close: () => model.off("change:log", heard),
  };
};
// For a widget that may have to ask Python before it can show a state. It says whether one is known(given), how
// to ask(given) for it, what the log keeps of it: entry(given), and what follows: draw() or fail(error, given).
// `state` stays one object, which is what is shown.
course.settler = (model, { known, ask, entry, draw, fail }) => {
  const state = { ...model.get("state") }, quiet = new WeakSet();  // quiet: states that come from Python
  let wanted = null, busy = false, open = true;
  // one question at a time; of what is wished for meanwhile only the last counts
  async function settle() {
    busy = true;
    while (wanted && open) {
      const next = wanted;
      try {
        if (!known(next)) await ask(next);
        if (wanted === next) wanted = null;
        Object.assign(state, next);
        if (!quiet.has(next)) {
          course.change(model, "state", next);
          course.record(model, entry(next));
        }
        if (open) draw();
      } catch (error) {
        if (wanted === next) wanted = null;
        fail(error, next);
      }
    }
    busy = false;
  }
  const wished = () => wanted ?? state, wish = next => { wanted = next; if (!busy) settle(); };
  const hear = given => { const next = { ...given }; quiet.add(next); wish(next); };
  const stop = course.follow(model, () => state, hear);
  return {
    state, wished, set: change => wish({ ...wished(), ...change }),
    begin: () => { if (known(state)) draw(); else hear(state); },  // Python may have chosen before it was shown
    close: () => { open = false; stop(); },
  };
};

// ---- elements ----
// Jupyter takes keys for its own shortcuts unless this attribute stands on the focused element itself: in
// Notebook 7 "b" on a focused canvas would insert a cell.
course.own = "data-lm-suppress-shortcuts";
course.make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  if (["button", "input", "select", "canvas"].includes(tag)) node.setAttribute(course.own, "true");
  node.append(...children.filter(child => child != null));
  return node;
};
let course_number = 0;
course.id = () => `course-${++course_number}-${Math.random().toString(36).slice(2, 8)}`;
course.root = (el, config) => {
  const node = course.make("div", { class: "course-widget", role: "group", [course.own]: "true", "aria-label": config.title });
  el.append(node);
  return node;
};
course.bar = (...nodes) => course.make("div", { class: "course-bar" }, ...nodes);
course.drawn = el => { el.dataset.drawn = String(Number(el.dataset.drawn ?? 0) + 1); };  // how often: a test waits for it
course.slider = (label, { min, max, step = 1, value, show = String, change }) => {
  const id = course.id(), out = course.make("output", { for: id }, show(value));
  const input = course.make("input", { type: "range", id, min, max, step, value });
  const heard = () => { out.textContent = show(Number(input.value)); input.setAttribute("aria-valuetext", out.textContent); };
  heard();
  input.addEventListener("input", () => { heard(); change(Number(input.value)); });
  const node = course.make("label", { for: id }, `${label} `, input, out);
  return { node, input, set: v => { input.value = v; heard(); }, get: () => Number(input.value) };
};
course.choice = (label, { options, value, change }) => {
  const id = course.id(), select = course.make("select", { id });
  for (const [key, text] of options) select.append(course.make("option", { value: key }, text));
  select.value = value;
  select.addEventListener("change", () => change(select.value));
  const node = course.make("label", { for: id }, `${label} `, select);
  return { node, input: select, set: v => { select.value = v; }, get: () => select.value };
};
course.check = (label, { value, change }) => {
  const id = course.id(), input = course.make("input", { type: "checkbox", id });
  input.checked = value;
  input.addEventListener("change", () => change(input.checked));
  return { node: course.make("label", { for: id }, input, ` ${label}`), input, set: v => { input.checked = v; }, get: () => input.checked };
};
course.button = (text, press, attributes = {}) =>
  course.make("button", { type: "button", onclick: press, ...attributes }, text);
// what a screen reader is told after each move, and everyone can read
course.announcer = () => {
  const node = course.make("p", { class: "course-status", role: "status", "aria-live": "polite" });
  return { node, say: text => { if (node.textContent !== text) node.textContent = text; } };
};
// keys of a focused element: {ArrowUp: event => ...}; Escape gives the focus away, Tab always leaves
course.keys = (node, handlers) => {
  node.tabIndex = 0;
  node.setAttribute(course.own, "true");
  node.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") { node.blur(); event.stopPropagation(); return; }
    const act = handlers[event.key] ?? (/^[0-9]$/.test(event.key) ? handlers.digit : null);
    if (event.key === "Tab") return;
    event.stopPropagation();
    if (!act) return;
    event.preventDefault();
    act(event);
  });
};
course.table = (heads, rows, caption) => {
  const line = (cells, tag) => course.make("tr", {}, ...cells.map(cell => course.make(tag, tag === "th" ? { scope: "col" } : {}, String(cell))));
  return course.make("table", {}, course.make("caption", {}, caption),
    course.make("thead", {}, line(heads, "th")), course.make("tbody", {}, ...rows.map(row => line(row, "td"))));
};
course.download = (name, blob) => {
  const link = course.make("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
// rows of cells, the first one names the columns
course.save = (name, rows) => course.download(name, new Blob([course.csv(rows)], { type: "text/csv" }));
course.csv = rows => rows.map(row => row.map(cell => /[",\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell).join(",")).join("\n") + "\n";
course.percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;

// ---- pictures ----
const anchors = {
  viridis: "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725",
  cividis: "00224e 002e6a 1a386f 32436d 434e6c 535a6d 61656f 6f7073 7d7c78 8c8878 9b9476 aba072 bcae6c cdbb63 dec958 f0d846 fee838",
  magma: "000004 0a0822 1d1147 36106b 51127c 6a1c81 832681 9c2e7f b73779 d0416f e75263 f56b5c fc8961 fea772 fec488 fde2a3 fcfdbf",
};
course.colors = Object.fromEntries(Object.entries(anchors).map(([name, text]) => [name,
  text.split(" ").map(hex => [0, 2, 4].map(at => parseInt(hex.slice(at, at + 2), 16)))]));
// a share from 0 to 1 as [red, green, blue], by a line between 17 colours of Matplotlib's map
course.color = (share, name = "viridis") => {
  const table = course.colors[name], place = Math.min(Math.max(Number.isFinite(share) ? share : 0, 0), 1) * (table.length - 1);
  const low = Math.min(Math.floor(place), table.length - 2), part = place - low;
  return table[low].map((value, channel) => Math.round(value + part * (table[low + 1][channel] - value)));
};
// image `index` of uint8 (B, 3, H, W) as a canvas of its own size
course.picture = ({ shape, data }, index = 0) => {
  const [height, width] = shape.slice(-2), size = height * width, start = index * 3 * size;
  const canvas = course.make("canvas", { width, height }), context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  for (let i = 0; i < size; i++) {
    for (let channel = 0; channel < 3; channel++) pixels.data[4 * i + channel] = data[start + channel * size + i];
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
};
// the same for 256 shares, as bytes red, green, blue, 255 in a row: drawing looks colours up
const ramps = {};
course.ramp = (name = "viridis") => ramps[name] ??= new Uint8ClampedArray(Array.from({ length: 256 }, (_, i) => [...course.color(i / 255, name), 255]).flat());
// values (rows x columns), scaled by (v - low) / (high - low), as a canvas of one pixel per value
course.heat = (values, rows, columns, low, high, name) => {
  const canvas = course.make("canvas", { width: columns, height: rows }), context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, rows), ramp = course.ramp(name), scale = 255 / (high - low || 1);
  for (let i = 0; i < rows * columns; i++) {
    const at = 4 * Math.min(255, Math.max(0, Math.round((values[i] - low) * scale) || 0));
    for (let byte = 0; byte < 4; byte++) pixels.data[4 * i + byte] = ramp[at + byte];
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
};
// draw a small canvas enlarged, every pixel a square
course.enlarge = (context, canvas, opacity = 1) => {
  context.imageSmoothingEnabled = false;
  context.globalAlpha = opacity;
  context.drawImage(canvas, 0, 0, context.canvas.width, context.canvas.height);
  context.globalAlpha = 1;
};
// the border of the cells for which inside(row, column) holds, for a canvas of that many pixels
course.border = (height, width, rows, columns, inside) => {
  const tall = height / rows, wide = width / columns;
  const at = (row, column) => row >= 0 && column >= 0 && row < rows && column < columns && Boolean(inside(row, column));
  const path = new Path2D();
  for (let row = 0; row <= rows; row++)
    for (let column = 0; column <= columns; column++) {
      const here = at(row, column);
      if (here !== at(row - 1, column)) { path.moveTo(column * wide, row * tall); path.lineTo((column + 1) * wide, row * tall); }
      if (here !== at(row, column - 1)) { path.moveTo(column * wide, row * tall); path.lineTo(column * wide, (row + 1) * tall); }
    }
  return path;
};
// a line in a colour on a wider black one, so that it is seen on light and on dark
course.stroke = (context, path, color, width = 2) => {
  context.lineWidth = width + 2; context.strokeStyle = "#000"; context.stroke(path);
  context.lineWidth = width; context.strokeStyle = color; context.stroke(path);
};
course.outline = (context, rows, columns, inside, color, width = 2) =>
  course.stroke(context, course.border(context.canvas.height, context.canvas.width, rows, columns, inside), color, width);

// ---- a grid of patches ----
course.within = (number, count) => Math.min(count - 1, Math.max(0, number));
// the place below the pointer, counted row by row
course.cellAt = (event, canvas, rows, columns) => {
  const box = canvas.getBoundingClientRect();
  const row = Math.floor((event.clientY - box.top) / box.height * rows), column = Math.floor((event.clientX - box.left) / box.width * columns);
  return course.within(row, rows) * columns + course.within(column, columns);
};
// the place one step further; at the border it stays
course.cellBeside = (cell, down, right, rows, columns) =>
  course.within(Math.floor(cell / columns) + down, rows) * columns + course.within(cell % columns + right, columns);

// ---- a page without Python: the model is this object ----
course.standalone = (widget, config, state, asked) => {
  const bytes = id => Uint8Array.from(atob(document.getElementById(id).textContent), letter => letter.charCodeAt(0));
  const answers = bytes("answers"), values = { config, state, log: [], data: bytes("data") }, heard = {};
  const model = {
    get: key => values[key],
    set: (key, value) => { values[key] = value; for (const act of heard[`change:${key}`] ?? []) act(); },
    save_changes: () => {},
    on: (event, act) => { (heard[event] ??= []).push(act); },
    off: (event, act) => { heard[event] = (heard[event] ?? []).filter(one => one !== act); },
    send: ({ id, request }) => {
      const found = asked.find(one => one.request === JSON.stringify(request));
      const reply = found ? { id, arrays: found.arrays } : { id, error: "This page holds no answer to that; open the notebook." };
      const part = found ? answers.subarray(found.offset) : null;
      queueMicrotask(() => { for (const act of heard["msg:custom"] ?? []) act(reply, [part]); });
    },
  };
  widget.render({ model, el: document.getElementById("view") });
};
