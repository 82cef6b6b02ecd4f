// Click on a patch: where does it look? Rows of attention are computed here, from queries and keys.
function render({ model, el }) {
  const config = model.get("config"), asker = course.asker(model);
  const root = course.root(el, config), status = course.announcer();
  const first = course.arrays(model.get("data"), config.arrays);
  const read = { [config.begin]: first }, stages = {};  // image -> arrays, image -> what is drawn around
  let state = { scale: "map", showMask: true, ...model.get("state") }, cache = new Map(), tableOpen = false;
  const [height, width] = config.size, zoom = Math.max(1, Math.round(Math.min(300 / height, 420 / width)));
  const models = config.models, layers = Math.min(...models.map(one => one.layers.length));
  const heads = Math.min(...models.map(one => one.heads)), main = models[0];

  // ---- numbers ----
  const arrays = () => read[state.image];
  // the row of one head: what token `query` takes from all tokens
  function row(number, layer, head, query) {
    const key = [state.image, number, layer, head, query].join();
    if (cache.has(key)) return cache.get(key);
    const found = arrays(), known = models[number];
    let out;
    if (found[`maps${number}`]) {
      const { shape: [, H, T], data } = found[`maps${number}`], start = ((layer * H + head) * T + query) * T;
      out = data.subarray(start, start + T);
    } else {
      const { shape: [, H, T, d], data: q } = found[`queries${number}`], k = found[`keys${number}`].data;
      const from = ((layer * H + head) * T + query) * d, base = (layer * H + head) * T * d;
      out = new Float32Array(T);
      let most = -Infinity, sum = 0;
      for (let t = 0; t < T; t++) {
        let dot = 0;
        for (let i = 0; i < d; i++) dot += q[from + i] * k[base + t * d + i];
        out[t] = dot / Math.sqrt(d);
        most = Math.max(most, out[t]);
      }
      for (let t = 0; t < T; t++) sum += out[t] = Math.exp(out[t] - most);
      for (let t = 0; t < T; t++) out[t] /= sum;
    }
    if (cache.size > 4000) cache = new Map();
    cache.set(key, out);
    return out;
  }
  // head -1 is the mean of all heads
  function chosenRow(number, head = state.head) {
    const query = queryOf(number);
    if (head >= 0) return row(number, state.layer, head, query);
    const all = models[number].heads, mean = new Float32Array(row(number, state.layer, 0, query).length);
    for (let h = 0; h < all; h++) row(number, state.layer, h, query).forEach((value, t) => { mean[t] += value / all; });
    return mean;
  }
  // the same place of the picture in a model with another grid
  function queryOf(number) {
    const { prefix, grid } = models[number];
    if (state.query < main.prefix) return Math.min(state.query, Math.max(prefix - 1, 0));
    const place = state.query - main.prefix, r = Math.floor(place / main.grid[1]), c = place % main.grid[1];
    const to = [Math.floor((r + 0.5) / main.grid[0] * grid[0]), Math.floor((c + 0.5) / main.grid[1] * grid[1])];
    return prefix + to[0] * grid[1] + to[1];
  }
  // the smallest set of patches with `mass` of the attention on patches: true or false for each
  function massMask(patches, mass) {
    const total = patches.reduce((a, b) => a + b, 0), order = [...patches.keys()].sort((a, b) => patches[b] - patches[a] || a - b);
    const inside = new Uint8Array(patches.length);
    let before = 0;
    for (const place of order) {
      if (before >= mass - 1e-6) break;
      inside[place] = 1;
      before += patches[place] / total;
    }
    return inside;
  }
  // intersection over union with each true object, in pixels
  function overlaps(number, inside) {
    const { shape: [objects, N], data } = arrays()[`overlap${number}`], area = models[number].patch[0] * models[number].patch[1];
    const covered = area * inside.reduce((a, b) => a + b, 0), found = [];
    for (let k = 0; k < objects; k++) {
      let both = 0, all = 0;
      for (let i = 0; i < N; i++) { const pixels = data[k * N + i]; all += pixels; if (inside[i]) both += pixels; }
      found.push(both / (covered + all - both));
    }
    return found;
  }
  const patchesOf = (number, head) => chosenRow(number, head).subarray(models[number].prefix);
  function jaccard(number) {
    if (!arrays()[`overlap${number}`]?.shape[0]) return null;
    const mean = list => list.reduce((a, b) => a + b, 0) / list.length;
    const one = overlaps(number, massMask(patchesOf(number, state.head), state.mass));
    const each = [...Array(models[number].heads).keys()].map(h => overlaps(number, massMask(patchesOf(number, h), state.mass)));
    return { head: mean(one), best: mean(one.map((_, k) => Math.max(...each.map(list => list[k])))) };
  }
  const place = (index, grid) => `row ${Math.floor(index / grid[1])}, column ${index % grid[1]}`;
  const queryText = () => state.query >= main.prefix ? `patch in ${place(state.query - main.prefix, main.grid)}` : state.query === 0 ? "CLS" : `register ${state.query}`;
  const headText = () => state.head < 0 ? "mean of all heads" : `head ${state.head}`;

  // ---- controls ----
  function set(change) {
    state = { ...state, ...change };
    course.change(model, "state", state);
    draw();
  }
  async function setImage(image) {
    image = (image + config.images) % config.images;
    if (await have(image)) set({ image });
    controls.image?.set(state.image);
  }
  // whether the arrays of an image are there, asked for if need be
  async function have(image) {
    try { read[image] ??= await asker.ask({ image }); return true; } catch (error) { status.say(error.message); return false; }
  }
  const numbers = (count, word) => [...Array(count).keys()].map(i => [i, `${word} ${i}`]);
  const controls = {
    image: config.images > 1 ? course.choice("Image", { options: numbers(config.images, "image"), value: state.image, change: v => setImage(Number(v)) }) : null,
    layer: course.choice("Layer", { options: [...Array(layers).keys()].map(i => [i, `${main.layers[i]}`]), value: state.layer, change: v => set({ layer: Number(v) }) }),
    head: course.choice("Head", { options: [...numbers(heads, "head"), [-1, "mean of all"]], value: state.head, change: v => set({ head: Number(v) }) }),
    mass: course.slider("Share of attention in the mask", { min: 0.05, max: 1, step: 0.05, value: state.mass, show: v => course.percent(v, 0), change: v => set({ mass: v }) }),
    opacity: course.slider("Opacity", { min: 0, max: 1, step: 0.05, value: state.opacity, show: v => course.percent(v, 0), change: v => set({ opacity: v }) }),
    scale: course.choice("Colour scale", { options: [["map", "each map its own"], ["shared", "shared by all maps"]], value: state.scale, change: v => set({ scale: v }) }),
    mask: course.check("mask outline", { value: state.showMask, change: v => set({ showMask: v }) }),
  };
  const cls = main.prefix ? course.button("CLS", () => set({ query: 0 }), { title: "let CLS ask" }) : null;
  const tableButton = course.button("Table", () => { tableOpen = !tableOpen; draw(); }, { "aria-expanded": "false" });
  root.append(course.bar(controls.image?.node, controls.layer.node, controls.head.node, cls, controls.scale.node),
    course.bar(controls.mass.node, controls.opacity.node, controls.mask.node,
      course.button("Save picture", savePicture), course.button("Save numbers", saveNumbers), tableButton));

  // ---- one column per model ----
  const columns = course.make("div", { class: "course-columns" });
  const panels = models.map((known, number) => {
    const canvas = course.make("canvas", { width: width * zoom, height: height * zoom, role: "img" });
    const scale = course.make("canvas", { width: width * zoom, height: 26, role: "img" });
    const caption = course.make("figcaption"), strip = course.make("div", { class: "course-thumbnails", role: "group", "aria-label": `heads of ${known.name}` });
    const thumbnails = [...Array(known.heads).keys()].map(h => {
      const small = course.make("canvas", { width: 44, height: Math.round(44 * height / width), "aria-hidden": "true" });
      const button = course.button("", () => set({ head: h }), { "aria-label": `${known.name}, head ${h}` });
      button.append(small);
      strip.append(button);
      return { small, button };
    });
    const title = course.make("strong", {}, known.name);
    title.title = known.path;
    columns.append(course.make("figure", { style: `max-width: ${Math.max(width * zoom, 260)}px` }, title, canvas, scale, caption, strip));
    canvas.addEventListener("pointerdown", event => set({ query: main.prefix + course.cellAt(event, canvas, ...main.grid) }));
    const move = (down, right) => () => {
      const at = state.query - main.prefix;
      set({ query: main.prefix + (at < 0 ? 0 : course.cellBeside(at, down, right, ...main.grid)) });
    };
    course.keys(canvas, {
      ArrowUp: move(-1, 0), ArrowDown: move(1, 0), ArrowLeft: move(0, -1), ArrowRight: move(0, 1),
      Home: () => set({ query: 0 }),
      PageUp: () => set({ layer: Math.min(layers - 1, state.layer + 1) }),
      PageDown: () => set({ layer: Math.max(0, state.layer - 1) }),
      digit: event => { if (Number(event.key) < heads) set({ head: Number(event.key) }); },
      m: () => set({ head: -1 }),
    });
    return { known, number, canvas, scale, caption, thumbnails };
  });
  const help = course.make("p", {}, "Click on a patch, or focus a picture and use the arrow keys; Home: CLS, Page Up and Page Down: layer, 0 to 9: head, M: mean of all heads, Escape: leave. Images, layers, heads, rows and columns count from 0, as in the code.");
  const table = course.make("div");
  root.append(columns, status.node, help, table);

  // ---- drawing ----
  function range(list) {
    let low = Infinity, high = -Infinity;
    for (const values of list) for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
    return [low, high];
  }
  // what lies below and above the heat does not change with the query: the picture, the objects' outlines
  function stage() {
    if (!stages[state.image]) {
      const labels = arrays().labels;
      const objects = course.make("canvas", { width: width * zoom, height: height * zoom });
      if (labels) for (let k = 1; k <= Math.max(...labels.data); k++)
        course.outline(objects.getContext("2d"), height, width, (r, c) => labels.data[r * width + c] === k, "#fff", 1);
      stages[state.image] = { picture: course.picture(first.images, state.image), objects };
    }
    return stages[state.image];
  }
  function draw() {
    controls.layer.set(state.layer); controls.head.set(state.head); controls.mass.set(state.mass);
    controls.opacity.set(state.opacity); controls.scale.set(state.scale); controls.mask.set(state.showMask);
    const ink = getComputedStyle(root).color;  // asked before anything changes: later it would cost a layout
    const shown = panels.map(({ number }) => patchesOf(number, state.head)), shared = range(shown), words = [];
    panels.forEach(({ known, number, canvas, scale, caption, thumbnails }) => {
      const [rows, cols] = known.grid, values = shown[number], uniform = 1 / values.length;
      const own = range([values]), [low, high] = state.scale === "shared" ? shared : own, context = canvas.getContext("2d");
      const { picture, objects } = stage();
      course.enlarge(context, picture);
      course.enlarge(context, course.heat(values, rows, cols, low, high), state.opacity);
      context.drawImage(objects, 0, 0);
      if (state.showMask) { const inside = massMask(values, state.mass); course.outline(context, rows, cols, (r, c) => inside[r * cols + c], "#ff9f1c", 3); }
      const query = queryOf(number) - known.prefix, tall = canvas.height / rows, wide = canvas.width / cols;
      if (query >= 0) {
        const x = query % cols * wide, y = Math.floor(query / cols) * tall;
        context.lineWidth = 5; context.strokeStyle = "#000"; context.strokeRect(x + 3, y + 3, wide - 6, tall - 6);
        context.lineWidth = 2; context.strokeStyle = "#fff"; context.strokeRect(x + 3, y + 3, wide - 6, tall - 6);
      }
      drawScale(scale, low, high, uniform, ink);
      const best = values.indexOf(own[1]), removed = chosenRow(number).subarray(0, known.prefix).reduce((a, b) => a + b, 0), score = jaccard(number);
      caption.replaceChildren(`least ${course.percent(own[0])}, most ${course.percent(own[1])} (${place(best, known.grid)}); even: 1/${values.length} = ${course.percent(uniform)}; to CLS and registers: ${course.percent(removed)}.`,
        score ? course.make("br") : null, score ? `Jaccard: this head ${course.percent(score.head)}, best head for each object ${course.percent(score.best)}.` : "");
      const top = [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, 3).map(i => `${place(i, known.grid)} ${course.percent(values[i])}`);
      const text = `${known.name}: image ${state.image}, layer ${main.layers[state.layer]}, ${headText()}, query ${queryText()}; most from ${top.join("; ")}`;
      canvas.setAttribute("aria-label", text);
      words.push(`${known.name}: ${top.join("; ")}${score ? `; Jaccard ${course.percent(score.head)}` : ""}`);
      thumbnails.forEach(({ small, button }, h) => {
        const mine = patchesOf(number, h), [least, most] = state.scale === "shared" ? shared : range([mine]);
        course.enlarge(small.getContext("2d"), course.heat(mine, rows, cols, least, most));
        button.setAttribute("aria-pressed", String(h === state.head));
      });
    });
    status.say(`Image ${state.image}, layer ${main.layers[state.layer]}, ${headText()}, query ${queryText()}. ${words.join(". ")}.`);
    tableButton.setAttribute("aria-expanded", String(tableOpen));
    table.replaceChildren(...(tableOpen ? panels.map(({ known, number }) => course.table(["", ...Array(known.grid[1]).keys()].map(i => i === "" ? "row" : i),
      [...Array(known.grid[0]).keys()].map(r => [r, ...[...shown[number].subarray(r * known.grid[1], (r + 1) * known.grid[1])].map(v => course.percent(v))]),
      `${known.name}: attention in per cent by row and column`)) : []));
    course.drawn(el);
  }
  // the colours in use, their ends in numbers, and where even attention would lie
  const gradient = course.heat(Float32Array.from({ length: 64 }, (_, i) => i), 1, 64, 0, 63);
  function drawScale(canvas, low, high, uniform, ink) {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = true;
    context.drawImage(gradient, 0, 0, canvas.width, 10);
    context.fillStyle = ink; context.font = "12px sans-serif"; context.textBaseline = "bottom";
    context.textAlign = "left"; context.fillText(course.percent(low), 0, 26);
    context.textAlign = "right"; context.fillText(course.percent(high), canvas.width, 26);
    const at = (uniform - low) / (high - low || 1);
    if (at >= 0 && at <= 1) {
      const x = at * canvas.width;
      context.fillRect(x - 1, 0, 2, 13);
      if (at > 0.2 && at < 0.8) { context.textAlign = "center"; context.fillText("even", x, 26); }
    }
    canvas.setAttribute("aria-label", `colour scale from ${course.percent(low)} to ${course.percent(high)}, even attention at ${course.percent(uniform)}`);
  }

  // ---- taking it away ----
  const file = () => `attention-image${state.image}-layer${main.layers[state.layer]}-${state.head < 0 ? "mean" : `head${state.head}`}`;
  function savePicture() {
    const gap = 16, title = 22, out = course.make("canvas", { width: panels.length * (width * zoom + gap) - gap, height: height * zoom + title + 28 });
    const context = out.getContext("2d");
    context.fillStyle = "#fff"; context.fillRect(0, 0, out.width, out.height);
    panels.forEach(({ known, canvas, scale }, i) => {
      const x = i * (width * zoom + gap);
      context.fillStyle = "#000"; context.font = "15px sans-serif"; context.textBaseline = "top";
      context.fillText(known.name, x, 2);
      context.drawImage(canvas, x, title);
      context.drawImage(scale, x, title + height * zoom + 2);
    });
    out.toBlob(blob => course.download(`${file()}.png`, blob));
  }
  function saveNumbers() {
    const rows = [["model", "image", "layer", "head", "query", "row", "column", "attention", "in_mask"]];
    for (const { known, number } of panels)
      for (let h = 0; h < known.heads; h++) {
        const values = patchesOf(number, h), inside = massMask(values, state.mass);
        values.forEach((value, i) => rows.push([known.name, state.image, known.layers[state.layer], h, queryText(), Math.floor(i / known.grid[1]), i % known.grid[1], value, inside[i]]));
      }
    course.save(`${file()}.csv`, rows);
  }

  // ---- Python may move the view as well ----
  const stop = course.follow(model, () => state, async given => {
    if (!await have(given.image ?? state.image)) return;  // the picture stays, and the status says why
    state = { ...state, ...given };
    draw();
  });
  const wish = state.image;  // Python may have chosen another image than the one whose arrays came along
  state.image = config.begin;
  draw();
  if (wish !== config.begin) setImage(wish);
  return () => { stop(); asker.close(); };
}
const widget = { render };
export default widget;
