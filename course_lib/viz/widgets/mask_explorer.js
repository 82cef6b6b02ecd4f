// How much can be hidden until a masked autoencoder no longer paints it right? Click on a patch to hide or show it.
function render({ model, el }) {
  const config = model.get("config"), asker = course.asker(model);
  const root = course.root(el, config), status = course.announcer(), first = course.arrays(model.get("data"), config.arrays);
  const [rows, cols] = config.grid, patches = rows * cols, [height, width] = first.images.shape.slice(-2);
  const zoom = Math.max(1, Math.round(Math.min(250 / height, 360 / width))), tall = height / rows * zoom, wide = width / cols * zoom;
  const known = new Map(), size = 3 * height * width;  // request as text -> {painted, mask, errors}
  config.prepared.forEach((request, i) => known.set(JSON.stringify(request), {
    painted: { shape: [3, height, width], data: first.painted.data.subarray(i * size, (i + 1) * size) },
    mask: first.mask.data.subarray(i * patches, (i + 1) * patches), errors: first.errors.data.subarray(i * 3, i * 3 + 3),
  }));
  let tableOpen = false, cursor = 0;

  // ---- asking Python ----
  const requestOf = given => given.kept ? { image: given.image, kept: given.kept } : { image: given.image, pattern: given.pattern, ratio: given.ratio, round: given.round };
  const keyOf = given => JSON.stringify(requestOf(given)), shown = () => known.get(keyOf(state));
  const { state, wished, set, begin, close } = course.settler(model, {
    known: given => known.has(keyOf(given)),
    ask: async given => {
      const { painted, mask, errors } = await asker.ask(requestOf(given));
      if (known.size > config.prepared.length + 300) for (const key of [...known.keys()].slice(config.prepared.length)) if (key !== keyOf(state)) known.delete(key);
      known.set(keyOf(given), { painted, mask: mask.data, errors: errors.data });
    },
    entry: given => ({ did: given.kept ? "patches" : "mask", ...given, errors: [...shown().errors] }),
    draw,
    fail: error => {
      if (shown()) draw();
      status.say(`${error.message} Nothing was changed; the prepared masks are those of the menus.`);
    },
  });
  // what is hidden: a chosen patch at once, the rest when Python has painted it
  function maskNow() {
    const { kept } = wished();
    return kept ? Uint8Array.from({ length: patches }, (_, i) => Number(!kept.includes(i))) : shown().mask;
  }
  // hide or show one patch: at once in the masked picture, in the others when Python has painted it
  function toggle(place) {
    const mask = Uint8Array.from(maskNow());
    mask[place] = 1 - mask[place];
    cursor = place;
    const kept = [...mask.keys()].filter(i => !mask[i]);
    if (kept.length === 0 || kept.length === patches) {
      draw();
      status.say(kept.length ? "At least one patch must be hidden." : "At least one patch must stay visible.");
      return;
    }
    set({ kept });
    drawMasked();
  }

  // ---- controls ----
  const controls = {
    image: config.images > 1 ? course.choice("Picture", { options: [...Array(config.images).keys()].map(i => [i, `picture ${i + 1}`]), value: state.image, change: v => set({ image: Number(v) }) }) : null,
    ratio: course.slider("Hidden", { min: 0, max: config.ratios.length - 1, value: config.ratios.indexOf(state.ratio), show: v => course.percent(config.ratios[v] ?? 0, 0), change: v => set({ ratio: config.ratios[v], kept: null }) }),
    pattern: course.choice("Pattern", { options: config.patterns.map(name => [name, name]), value: state.pattern, change: v => set({ pattern: v, kept: null }) }),
  };
  const again = course.button("Another mask", () => set({ round: wished().round + 1, kept: null }));
  const back = course.button("Forget my patches", () => set({ kept: null }));
  const tableButton = course.button("Table", () => { tableOpen = !tableOpen; draw(); }, { "aria-expanded": "false" });
  root.append(course.bar(controls.image?.node, controls.ratio.node, controls.pattern.node, again, back),
    course.bar(course.button("Save picture", savePicture), course.button("Save numbers", saveNumbers), tableButton));

  // ---- pictures ----
  const columns = course.make("div", { class: "course-columns" }), pictures = {};
  for (const [name, title] of [["original", "original"], ["masked", "masked: click to hide or show"], ["painted", "reconstruction of every patch"], ["pasted", "reconstruction where hidden"]]) {
    const canvas = course.make("canvas", { width: width * zoom, height: height * zoom, role: "img" });
    pictures[name] = canvas;
    columns.append(course.make("figure", {}, course.make("figcaption", {}, title), canvas));
  }
  const masked = pictures.masked, place = i => `row ${Math.floor(i / cols) + 1}, column ${i % cols + 1}`;
  masked.addEventListener("pointerdown", event => {
    masked.focus();
    toggle(course.cellAt(event, masked, rows, cols));
  });
  const move = (down, right) => () => {
    cursor = course.cellBeside(cursor, down, right, rows, cols);
    drawMasked();
    status.say(`${place(cursor)}: ${maskNow()[cursor] ? "hidden" : "visible"}.`);
  };
  course.keys(masked, { ArrowUp: move(-1, 0), ArrowDown: move(1, 0), ArrowLeft: move(0, -1), ArrowRight: move(0, 1), " ": () => toggle(cursor), Enter: () => toggle(cursor) });
  for (const event of ["focus", "blur"]) masked.addEventListener(event, () => drawMasked());
  const help = course.make("p", {}, "In the masked picture: click on a patch, or move with the arrow keys and press Space to hide or show it; Escape: leave.");
  const numbers = course.make("div"), table = course.make("div");
  root.append(columns, numbers, status.node, help, table);

  // ---- drawing ----
  function drawMasked() {
    const context = masked.getContext("2d"), mask = maskNow();
    course.enlarge(context, course.picture(first.images, state.image));
    for (let i = 0; i < patches; i++) {
      if (!mask[i]) continue;
      const x = i % cols * wide, y = Math.floor(i / cols) * tall;
      context.fillStyle = "#808080"; context.fillRect(x, y, wide, tall);
      // a stroke across: a grey patch of the picture is not a hidden one
      context.strokeStyle = "#b0b0b0"; context.lineWidth = 1;
      context.beginPath(); context.moveTo(x + wide * 0.3, y + tall * 0.7); context.lineTo(x + wide * 0.7, y + tall * 0.3); context.stroke();
    }
    if (document.activeElement === masked || masked.matches(":focus"))
      course.outline(context, rows, cols, (r, c) => r * cols + c === cursor, "#fff", 2);
    const hidden = mask.reduce((a, b) => a + b, 0);
    masked.setAttribute("aria-label", `masked picture, ${hidden} of ${patches} patches hidden; at ${place(cursor)}: ${mask[cursor] ? "hidden" : "visible"}`);
  }
  function drawPasted(context, painting, mask) {
    course.enlarge(context, course.picture(first.images, state.image));
    const high = height / rows, broad = width / cols;
    for (let i = 0; i < patches; i++)
      if (mask[i]) context.drawImage(painting, i % cols * broad, Math.floor(i / cols) * high, broad, high, i % cols * wide, Math.floor(i / cols) * tall, wide, tall);
  }
  // who paints the hidden patches how well
  function painters({ errors }) {
    const lines = [["the model", errors[0]], ["the mean colour of the visible patches", errors[1]]];
    if (config.normalize) lines.push(["each patch in its own mean brightness, which the model was told", errors[2]]);
    return lines;
  }
  const against = (one, other) => one < other ? `${(100 * (1 - one / other)).toFixed(0)} % less` : `${(100 * (one / other - 1)).toFixed(0)} % more`;
  function draw() {
    controls.image?.set(state.image); controls.ratio.set(config.ratios.indexOf(state.ratio)); controls.pattern.set(state.pattern);
    back.disabled = !state.kept;
    again.disabled = state.pattern === "grid";
    const found = shown(), painting = course.picture(found.painted), hidden = found.mask.reduce((a, b) => a + b, 0);
    course.enlarge(pictures.original.getContext("2d"), course.picture(first.images, state.image));
    drawMasked();
    course.enlarge(pictures.painted.getContext("2d"), painting);
    drawPasted(pictures.pasted.getContext("2d"), painting, found.mask);
    const lines = painters(found), how = state.kept ? "patches chosen one by one" : `${state.pattern} pattern`;
    pictures.original.setAttribute("aria-label", `picture ${state.image + 1}, original`);
    pictures.painted.setAttribute("aria-label", `what the model paints for every patch; error ${lines[0][1].toFixed(4)} on the hidden ones`);
    pictures.pasted.setAttribute("aria-label", "what the model paints where patches are hidden, the others as they are");
    numbers.replaceChildren(course.table(["painter of the hidden patches", "mean squared error", "the model's is"], lines.map(([name, error], i) => [name, error.toFixed(4), i ? against(lines[0][1], error) : "–"]),
      `Error on the ${hidden} hidden of ${patches} patches (${course.percent(hidden / patches, 0)}); white and black are 1 apart`));
    for (const line of numbers.querySelectorAll("tr")) line.firstChild.style.textAlign = "left";
    status.say(`Picture ${state.image + 1}, ${how}, ${hidden} of ${patches} patches hidden. Mean squared error: ${lines.map(([name, error]) => `${name} ${error.toFixed(4)}`).join("; ")}.`);
    tableButton.setAttribute("aria-expanded", String(tableOpen));
    table.replaceChildren(...(tableOpen ? [everyMask()] : []));
    course.drawn(el);
  }
  // the prepared masks of this picture
  function everyMask() {
    const lines = config.prepared.filter(one => one.image === state.image && one.pattern)
      .sort((a, b) => config.patterns.indexOf(a.pattern) - config.patterns.indexOf(b.pattern) || a.ratio - b.ratio)
      .map(one => [one.pattern, course.percent(one.ratio, 0), ...painters(known.get(JSON.stringify(one))).map(([, error]) => error.toFixed(4))]);
    return course.table(["pattern", "hidden", "model", "visible mean", ...(config.normalize ? ["own mean"] : [])], lines, `Picture ${state.image + 1}: mean squared error on the hidden patches`);
  }

  // ---- taking it away ----
  const file = () => `mask-picture${state.image + 1}-${state.kept ? "chosen" : `${state.pattern}-${Math.round(100 * state.ratio)}`}`;
  function savePicture() {
    const gap = 12, out = course.make("canvas", { width: 4 * (width * zoom + gap) - gap, height: height * zoom }), context = out.getContext("2d");
    context.fillStyle = "#fff"; context.fillRect(0, 0, out.width, out.height);
    Object.values(pictures).forEach((canvas, i) => context.drawImage(canvas, i * (width * zoom + gap), 0));
    out.toBlob(blob => course.download(`${file()}.png`, blob));
  }
  function saveNumbers() {
    const lines = [["picture", "pattern", "ratio", "model", "visible_mean", "own_mean"]];
    for (const one of config.prepared) if (one.pattern) lines.push([one.image + 1, one.pattern, one.ratio, ...known.get(JSON.stringify(one)).errors]);
    if (state.kept) lines.push([state.image + 1, "chosen", 1 - state.kept.length / patches, ...shown().errors]);
    course.save(`${file()}.csv`, lines);
  }

  begin();
  return () => { close(); asker.close(); };
}
const widget = { render };
export default widget;
