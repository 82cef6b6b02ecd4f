// A map of pictures: zoom, pan, select with a lasso; neighbours on the map beside those that the features know.
function render({ model, el }) {
  const config = model.get("config"), asker = course.asker(model);
  const root = course.root(el, config), status = course.announcer(), arrays = course.arrays(model.get("data"), config.arrays);
  const place = arrays.positions.data, labels = arrays.labels.data, N = labels.length, k = arrays.on_map.shape[1];
  const [tall, wide] = arrays.thumbnails.shape.slice(-2), W = 640, H = 500, THUMB = 40, NEAR = 120;  // NEAR: as many pictures at once
  const dense = Math.min(window.devicePixelRatio || 1, 3), all = [...Array(N).keys()];
  const fit = Math.min(0.92 * W / (config.extent[0] || 1), 0.92 * H / (config.extent[1] || 1));
  let state = model.get("state"), view = [...state.window], selected = new Set(state.selection);
  let hover = null, drag = null, path = null, box = null;

  // ---- marks: shape and colour, 8 x 7 without a common divisor make 56 (colours: Okabe and Ito) ----
  const colors = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442"];
  const ring = (n, inner = 1, turn = 0) => [...Array(n).keys()].map(i => { const r = i % 2 ? inner : 1, a = turn + 2 * Math.PI * i / n; return [r * Math.sin(a), -r * Math.cos(a)]; });
  const cross = turn => [[-1, -3], [1, -3], [1, -1], [3, -1], [3, 1], [1, 1], [1, 3], [-1, 3], [-1, 1], [-3, 1], [-3, -1], [-1, -1]]
    .map(([x, y]) => [(x * Math.cos(turn) - y * Math.sin(turn)) / 3, (x * Math.sin(turn) + y * Math.cos(turn)) / 3]);
  const shapes = [null, ring(4, 1, Math.PI / 4), ring(3), ring(4), cross(0), ring(3, 1, Math.PI), cross(Math.PI / 4), ring(10, 0.45)];
  let ink = getComputedStyle(root).color;  // read once for each drawing: asking is slow
  // marks of one label in one path: drawing 5,000 small canvases takes ten times as long
  function marks(context, label, list, radius = 5.5) {
    const shape = shapes[label % shapes.length];
    context.beginPath();
    for (const [x, y] of list) {
      if (!shape) { context.moveTo(x + 0.85 * radius, y); context.arc(x, y, 0.85 * radius, 0, 2 * Math.PI); continue; }
      // ends where it began: closePath would be slow for many
      [shape.at(-1), ...shape].forEach(([right, down], n) => context[n ? "lineTo" : "moveTo"](x + right * radius, y + down * radius));
    }
    context.fillStyle = colors[label % colors.length]; context.fill();
    context.strokeStyle = ink; context.lineWidth = 0.7; context.stroke();
  }
  const pictures = [], picture = i => pictures[i] ??= course.picture(arrays.thumbnails, i);
  const name = i => config.labelled ? config.names[labels[i]] : "", title = i => `picture ${i + 1}${config.labelled ? `, ${name(i)}` : ""}`;

  // ---- the plane and the screen ----
  const scale = () => fit * view[2];
  const toX = i => (place[2 * i] - view[0]) * scale() + W / 2, toY = i => H / 2 - (place[2 * i + 1] - view[1]) * scale();
  const inView = i => { const x = toX(i), y = toY(i); return x > -8 && x < W + 8 && y > -8 && y < H + 8; };
  function nearest(x, y, reach = Infinity) {
    let best = null, least = reach * reach;
    for (let i = 0; i < N; i++) { const d = (toX(i) - x) ** 2 + (toY(i) - y) ** 2; if (d < least) { least = d; best = i; } }
    return best;
  }
  // a ray to the right crosses the border an odd number of times
  const inside = (polygon, x, y) => polygon.filter(([ax, ay], n) => {
    const [bx, by] = polygon.at(n - 1);
    return ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax;
  }).length % 2 === 1;

  // ---- what can be done ----
  function save(change, entry) {
    state = { ...state, ...change, window: view };
    course.change(model, "state", state);
    if (entry) course.record(model, entry);
  }
  function select(list, how, add = false, rectangle = null) {
    selected = new Set(add ? [...selected, ...list] : list); box = rectangle;
    save({ selection: [...selected].sort((a, b) => a - b) }, { did: "select", how, pictures: selected.size });
    drawSelection(); draw();
    status.say(`${how}: ${countText(counts())}`);
  }
  function focus(i, redraw) {
    save({ focus: i }, { did: "focus", picture: i }); redraw();
    status.say(i === null ? "No picture is in focus." : focusText(i));
    showFull(i);
  }
  function show(next) { view = next; box = null; save({}); draw(); status.say(viewText()); }
  const home = () => show([0, 0, 1]);
  function zoom(factor, x, y) {
    const old = scale(), next = Math.min(200, Math.max(0.5, view[2] * factor)), more = 1 / old - 1 / (fit * next);
    if (x !== undefined) show([view[0] + (x - W / 2) * more, view[1] - (y - H / 2) * more, next]);
    else if (state.focus !== null && inView(state.focus)) show([place[2 * state.focus], place[2 * state.focus + 1], next]);
    else show([view[0], view[1], next]);
  }
  const pan = (right, up) => event => {
    if (event.shiftKey) return stretch(right, up);
    view = [view[0] + right * W / 10 / scale(), view[1] + up * H / 10 / scale(), view[2]];
    box = null;
    focus(nearest(W / 2, H / 2), draw);
  };
  // a rectangle from the picture in focus, for those who do not draw a lasso
  function stretch(right, up) {
    if (!box) { const i = state.focus ?? nearest(W / 2, H / 2), x = toX(i), y = toY(i); box = [x, y, x, y]; }
    box = [box[0], box[1], box[2] + right * W / 20, box[3] - up * H / 20];
    const [left, far] = [Math.min(box[0], box[2]) - 1, Math.max(box[0], box[2]) + 1], [top, low] = [Math.min(box[1], box[3]) - 1, Math.max(box[1], box[3]) + 1];
    select(all.filter(i => { const x = toX(i), y = toY(i); return x >= left && x <= far && y >= top && y <= low; }), "Rectangle", false, box);
  }

  // ---- words ----
  function counts() {
    const found = config.names.map(label => ({ label, count: 0, total: 0 }));
    for (let i = 0; i < N; i++) { found[labels[i]].total++; if (selected.has(i)) found[labels[i]].count++; }
    return found;
  }
  const most = found => found.filter(one => one.count).sort((a, b) => b.count - a.count);
  function countText(found) {
    const first = most(found), names = first.slice(0, 4).map(one => `${one.count} ${one.label}`).join(", ");
    return `${selected.size} of ${N} pictures selected${config.labelled && names ? `: ${names}` : ""}${config.labelled && first.length > 4 ? `, ${first.length - 4} more labels` : ""}.`;
  }
  const viewText = () => `Zoom ${view[2].toFixed(1)}, ${all.filter(inView).length} of ${N} pictures in view.`;
  const list = (array, i) => [...array.data.subarray(i * k, (i + 1) * k)];
  function focusText(i) {
    const map = list(arrays.on_map, i), same = near => config.labelled ? `, ${near.filter(j => labels[j] === labels[i]).length} of ${k} with its label` : "";
    if (!arrays.neighbours) return `In focus: ${title(i)}. Nearest on the map: ${map.map(title).join("; ")}${same(map)}.`;
    const near = list(arrays.neighbours, i);
    return `In focus: ${title(i)}. Of its ${k} nearest by features ${near.filter(j => map.includes(j)).length} are nearest on the map too. By features${same(near)}; on the map${same(map)}.`;
  }

  // ---- controls ----
  const tools = Object.fromEntries([["pan", "Move", "Drag moves the map."], ["lasso", "Lasso", "Drag draws a lasso; with Shift it adds to the selection."]]
    .map(([tool, text, words]) => [tool, course.button(text, () => { save({ tool }); drawAll(); status.say(words); }, { "aria-pressed": "false" })]));
  const shown = course.choice("Pictures", { options: [["near", "when zoomed in"], ["some", "where there is room"], ["none", "never"]], value: state.pictures, change: v => { save({ pictures: v }); draw(); } });
  const clear = course.button("Clear selection", () => select([], "Cleared"));
  root.append(course.bar(course.make("span", { role: "group", "aria-label": "what dragging does", class: "course-bar", style: "margin: 0" }, ...Object.values(tools)),
    course.button("+", () => zoom(1.5), { "aria-label": "zoom in" }), course.button("−", () => zoom(1 / 1.5), { "aria-label": "zoom out" }), course.button("Whole map", home),
    shown.node, clear, course.button("Save picture", savePicture), course.button("Save numbers", saveNumbers)));

  // ---- the map: points below; focus, lines and lasso above, which are redrawn alone ----
  const layer = attributes => course.make("canvas", { width: W * dense, height: H * dense, ...attributes });
  const size = `width: ${W}px; height: ${H}px; image-rendering: auto; `;
  const below = layer({ "aria-hidden": "true", style: size }), over = layer({ role: "img", style: `${size}position: absolute; inset: 0; touch-action: none` });
  const map = course.make("div", { style: `position: relative; flex: none; width: ${W}px; height: ${H}px; border: 1px solid var(--course-line); overflow: hidden` }, below, over);
  const at = event => { const frame = over.getBoundingClientRect(); return [(event.clientX - frame.left) * W / frame.width, (event.clientY - frame.top) * H / frame.height]; };
  over.addEventListener("pointerdown", event => {
    if (event.button) return;
    const [x, y] = at(event);
    over.focus({ preventScroll: true }); over.setPointerCapture(event.pointerId);
    drag = { x, y, view: [...view], moved: false, add: event.shiftKey }; hover = box = null;
    if (state.tool === "lasso") path = [[x, y]];
  });
  over.addEventListener("pointermove", event => {
    const [x, y] = at(event);
    if (!drag) { const found = nearest(x, y, 14); if (found !== hover) { hover = found; drawOver(); } return; }
    drag.moved ||= Math.hypot(x - drag.x, y - drag.y) > 4;
    if (path) { path.push([x, y]); drawOver(); }
    else if (drag.moved) { view = [drag.view[0] - (x - drag.x) / scale(), drag.view[1] + (y - drag.y) / scale(), view[2]]; draw(); }
  });
  over.addEventListener("pointerup", event => {
    if (!drag) return;
    const { moved, add } = drag, [x, y] = at(event), polygon = path; drag = path = null;
    if (!moved) return focus(nearest(x, y, 14), drawOver);
    if (polygon) return select(all.filter(i => inside(polygon, toX(i), toY(i))), "Lasso", add);
    save({}); status.say(viewText());
  });
  for (const event of ["pointercancel", "pointerleave"]) over.addEventListener(event, () => { if (!drag || event === "pointercancel") { hover = drag = path = null; drawOver(); } });
  // the wheel scrolls the page until someone has clicked on the map
  over.addEventListener("wheel", event => {
    if (document.activeElement !== over && !over.matches(":focus")) return;
    event.preventDefault();
    zoom(1.2 ** (event.deltaY < 0 ? 1 : -1), ...at(event));
  }, { passive: false });
  course.keys(over, {
    ArrowLeft: pan(-1, 0), ArrowRight: pan(1, 0), ArrowUp: pan(0, 1), ArrowDown: pan(0, -1), "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), Home: home,
    Enter: () => { if (state.focus !== null) select(selected.has(state.focus) ? [...selected].filter(i => i !== state.focus) : [...selected, state.focus], title(state.focus)); },
    Delete: () => select([], "Cleared"), Backspace: () => select([], "Cleared"),
  });
  for (const event of ["focus", "blur"]) over.addEventListener(event, () => drawOver());

  // ---- beside the map: the picture in focus, its neighbours, the labels ----
  const large = course.make("canvas", { width: 144, height: Math.round(144 * tall / wide), role: "img" }), caption = course.make("figcaption");
  const rows = [["neighbours", "Nearest by features"], ["on_map", "Nearest on the map"]].filter(([array]) => arrays[array]).map(([array, text]) => {
    const buttons = [...Array(k).keys()].map(j => {
      const small = course.make("canvas", { width: 48, height: Math.round(48 * tall / wide), "aria-hidden": "true" });
      const note = course.make("span", { style: "font-size: 12px; max-width: 68px; overflow: hidden; white-space: pre; text-overflow: ellipsis" });
      const go = () => { const i = list(arrays[array], state.focus)[j]; if (!inView(i)) view = [place[2 * i], place[2 * i + 1], view[2]]; focus(i, draw); };
      const button = course.make("button", { type: "button", onclick: go, style: "display: flex; flex-direction: column; align-items: center; width: 74px" }, small, note);
      return { small, note, button };
    });
    return { array, buttons, node: course.make("div", { role: "group", "aria-label": text }, course.make("p", { style: "margin: 8px 0 0" }, text),
      course.make("div", { class: "course-thumbnails" }, ...buttons.map(one => one.button))) };
  });
  const legend = config.names.map((label, c) => {
    const total = labels.reduce((sum, one) => sum + (one === c), 0);
    const small = course.make("canvas", { width: 14 * dense, height: 14 * dense, "aria-hidden": "true", style: "width: 14px; height: 14px; image-rendering: auto" });
    const button = course.button(`${label} ${total}`, () => select(button.getAttribute("aria-pressed") === "true" ? [] : all.filter(i => labels[i] === c), `Label ${label}`), { "aria-label": `select ${label}, ${total} pictures`, "aria-pressed": "false", style: "display: inline-flex; gap: 4px; align-items: center" });
    button.prepend(small);
    return { c, total, button, small };
  });
  const table = course.make("div"), chosen = course.make("div", { class: "course-thumbnails" }), truth = course.make("p", {}, config.truth);
  const side = course.make("div", { style: "flex: 1 1 330px; min-width: 280px" }, course.make("figure", {}, large, caption), ...rows.map(one => one.node), truth, chosen, table);
  const help = course.make("p", {}, "Click on the map first: then the wheel or + and − zoom, arrow keys move and bring the picture nearest to the middle into focus, Shift and arrow keys select a rectangle from it, Enter adds or removes it, Delete clears, Home shows all, Escape leaves.");
  root.append(config.labelled ? course.make("div", { class: "course-thumbnails", role: "group", "aria-label": "select a label", style: "margin: 0 0 8px" }, ...legend.map(one => one.button)) : "",
    course.make("div", { class: "course-columns" }, map, side), status.node, help);

  // ---- drawing ----
  function clean(canvas) {
    const context = canvas.getContext("2d");
    context.setTransform(dense, 0, 0, dense, 0, 0); context.clearRect(0, 0, W, H);
    return context;
  }
  function draw() {
    if (ink !== getComputedStyle(root).color) { ink = getComputedStyle(root).color; drawAll(); return; }  // another theme
    const context = clean(below), groups = config.names.map(() => [[], []]), visible = all.filter(inView), faint = selected.size > 0;
    const order = faint ? [...visible.filter(i => !selected.has(i)), ...visible.filter(i => selected.has(i))] : visible;
    const asPicture = new Set(state.pictures === "near" && visible.length <= NEAR ? visible : []), taken = new Set();
    if (state.pictures === "some") for (const i of [...order].reverse()) {  // a cell and its neighbours hold one picture
      const x = Math.floor(toX(i) / THUMB), y = Math.floor(toY(i) / THUMB), cells = [-1, 0, 1].flatMap(a => [-1, 0, 1].map(b => `${x + a} ${y + b}`));
      if (!cells.some(cell => taken.has(cell))) { taken.add(`${x} ${y}`); asPicture.add(i); }
    }
    for (const i of order) if (!asPicture.has(i)) groups[labels[i]][faint && !selected.has(i) ? 0 : 1].push([toX(i), toY(i)]);
    for (const bright of [0, 1]) groups.forEach((both, c) => { context.globalAlpha = bright ? 1 : 0.25; marks(context, c, both[bright]); });
    const broad = THUMB * Math.min(1, wide / tall), high = THUMB * Math.min(1, tall / wide);
    for (const i of order) {
      if (!asPicture.has(i)) continue;
      context.globalAlpha = faint && !selected.has(i) ? 0.35 : 1; context.imageSmoothingEnabled = false;
      const x = toX(i) - broad / 2, y = toY(i) - high / 2; context.drawImage(picture(i), x, y, broad, high);
      context.lineWidth = selected.has(i) ? 3 : 1; context.strokeStyle = ink; context.strokeRect(x, y, broad, high);
      if (config.labelled) marks(context, labels[i], [[x + 2, y + 2]], 4.5);
    }
    context.globalAlpha = 1;
    drawOver();
  }
  // what depends on the selection alone, not on the place
  function drawSelection() {
    const found = counts(), small = [...selected].sort((a, b) => a - b).slice(0, 24).map(i => {
      const one = course.make("canvas", { width: 32, height: Math.round(32 * tall / wide), role: "img", "aria-label": title(i), title: title(i) });
      course.enlarge(one.getContext("2d"), picture(i));
      return one;
    });
    for (const { c, total, button } of legend) button.setAttribute("aria-pressed", String(selected.size === total && found[c].count === total));
    clear.disabled = !selected.size;
    chosen.replaceChildren(...small);
    table.replaceChildren(selected.size ? course.table(["label", "selected", "pictures"], most(found).map(one => [one.label, one.count, one.total]), `The ${selected.size} selected pictures`) : "");
  }
  function drawAll() {
    for (const [tool, button] of Object.entries(tools)) button.setAttribute("aria-pressed", String(tool === state.tool));
    for (const { c, small } of legend) marks(clean(small), c, [[7, 7]]);
    drawSelection(); draw();
  }
  function drawOver() {
    const context = clean(over), i = hover ?? state.focus, ground = getComputedStyle(root).backgroundColor;
    const twice = (width, trace) => { for (const [style, more] of [[ground, 2], [ink, 0]]) { context.strokeStyle = style; context.lineWidth = width + more; context.beginPath(); trace(); context.stroke(); } };
    const circle = (j, r) => { context.moveTo(toX(j) + r, toY(j)); context.arc(toX(j), toY(j), r, 0, 2 * Math.PI); };
    if (i !== null) {
      if (arrays.neighbours) twice(1.5, () => { for (const j of list(arrays.neighbours, i)) { context.moveTo(toX(i), toY(i)); context.lineTo(toX(j), toY(j)); } });
      context.setLineDash([3, 3]); twice(1.5, () => { for (const j of list(arrays.on_map, i)) circle(j, 8); });
      context.setLineDash([]); twice(3, () => circle(i, 11));
    }
    if (path) twice(1.5, () => path.forEach(([x, y], n) => context[n ? "lineTo" : "moveTo"](x, y)));
    if (box) twice(1.5, () => context.rect(box[0], box[1], box[2] - box[0], box[3] - box[1]));
    if (document.activeElement === over) twice(1.5, () => { context.moveTo(W / 2 - 7, H / 2); context.lineTo(W / 2 + 7, H / 2); context.moveTo(W / 2, H / 2 - 7); context.lineTo(W / 2, H / 2 + 7); });
    over.setAttribute("aria-label", `map of ${N} pictures; ${i === null ? "none in focus" : `in focus ${title(i)}`}; ${selected.size} selected`);
    drawSide(i);
    course.drawn(el);
  }
  // the picture in focus and its neighbours
  function drawSide(i) {
    large.getContext("2d").clearRect(0, 0, large.width, large.height);
    large.setAttribute("aria-label", i === null ? "no picture in focus" : title(i));
    caption.textContent = i === null ? "Point at a picture, or click on it." : `${title(i)}${selected.has(i) ? ", selected" : ""}`;
    if (i !== null) course.enlarge(large.getContext("2d"), picture(i));
    for (const { array, buttons } of rows) buttons.forEach(({ small, note, button }, n) => {
      button.disabled = state.focus === null;
      small.getContext("2d").clearRect(0, 0, small.width, small.height);
      if (i === null) { note.textContent = "–"; button.setAttribute("aria-label", "no picture"); return; }
      const j = list(arrays[array], i)[n], other = array === "on_map" ? arrays.neighbours : arrays.on_map, both = other && list(other, i).includes(j);
      const near = array === "neighbours" ? ` ${arrays.similarity.data[i * k + n].toFixed(2)}` : "", like = config.labelled ? (labels[j] === labels[i] ? "✓" : "✗") : "";
      course.enlarge(small.getContext("2d"), picture(j));
      note.textContent = [`${like}${near}`, name(j), both ? "both lists" : " "].filter(Boolean).join("\n");
      button.setAttribute("aria-label", `${title(j)}${near ? `, similarity${near}` : ""}${config.labelled ? `, ${like === "✓" ? "the same label" : "another label"}` : ""}${both ? ", in both lists" : ""}`);
    });
  }
  // thumbnails of many pictures are small; where Python runs it sends the one in focus in full
  function showFull(i) {
    const arrived = ({ image }) => { if (state.focus === i && hover === null) course.enlarge(large.getContext("2d"), course.picture(image)); };
    if (i !== null && config.full) asker.ask({ image: i }).then(arrived).catch(() => {});  // a saved page keeps the thumbnail
  }

  // ---- taking it away ----
  function savePicture() {
    const out = layer({}), context = out.getContext("2d");
    context.fillStyle = getComputedStyle(root).backgroundColor; context.fillRect(0, 0, out.width, out.height);
    for (const canvas of [below, over]) context.drawImage(canvas, 0, 0);
    out.toBlob(blob => course.download("embedding.png", blob));
  }
  function saveNumbers() {
    const lines = all.map(i => [i, name(i), place[2 * i], place[2 * i + 1], selected.has(i) ? 1 : 0]);
    course.save("embedding.csv", [["picture", "label", "x", "y", "selected"], ...lines]);
  }

  // ---- Python may move the view as well; the theme may change ----
  const stop = course.follow(model, () => state, given => {
    state = { ...state, ...given }; view = [...state.window]; selected = new Set(state.selection); box = null;
    shown.set(state.pictures); drawAll(); showFull(state.focus);
    status.say(state.focus === null ? countText(counts()) : focusText(state.focus));
  });
  const theme = matchMedia("(prefers-color-scheme: dark)");
  theme.addEventListener("change", draw);
  drawAll();
  status.say(`${viewText()} ${countText(counts())}`);
  return () => { stop(); theme.removeEventListener("change", draw); asker.close(); };
}
const widget = { render };
export default widget;
