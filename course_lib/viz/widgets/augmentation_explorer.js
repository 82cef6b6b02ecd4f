// Which changes does an encoder ignore? Python draws the views; here they are shown beside their numbers.
function render({ model, el }) {
  const config = model.get("config"), asker = course.asker(model);
  const root = course.root(el, config), status = course.announcer(), between = config.between;
  const first = course.arrays(model.get("data"), config.arrays), known = new Map();  // request as text -> arrays
  const [height, width] = first.images.shape.slice(-2), zoom = Math.max(1, Math.round(190 / Math.max(height, width)));
  const byName = Object.fromEntries(config.operations.map(one => [one.name, one]));

  // ---- asking Python ----
  const stepsOf = given => [given.first, given.second].filter(Boolean).map(name => byName[name]);
  // the same words as Python's `request`, or a saved page does not find its answer
  const requestOf = given => ({
    image: given.image, first: given.first, second: given.second,
    strength: stepsOf(given).some(one => one.words.length > 1) ? given.strength : 1,
    round: stepsOf(given).some(one => one.random) ? given.round : 0,
  });
  const keyOf = given => JSON.stringify(requestOf(given));
  known.set(JSON.stringify(config.given), first);
  const { state, wished, set, begin, close } = course.settler(model, {
    known: given => known.has(keyOf(given)),
    ask: async given => {
      const found = await asker.ask(requestOf(given));
      if (known.size > 500) known.clear();
      known.set(keyOf(given), found);
    },
    entry: given => ({ did: "look", ...given }),
    draw,
    fail: (error, given) => { setControls(); status.say(`${error.message} ${wordsOf(given)} could not be shown.`); },
  });

  // ---- words and numbers ----
  const wordsOf = given => stepsOf(given).map(one => `${one.name}: ${one.words[one.words.length > 1 ? given.strength - 1 : 0]}`).join("; then ");
  const mean = list => list.reduce((a, b) => a + b, 0) / list.length;
  // rows: what is measured, per draw, for two different pictures, and how far of that way the views are
  function measures() {
    const { pixels, cosines } = known.get(keyOf(state)), count = pixels.data.length, share = (now, other) => other > 1e-6 ? now / other : null;
    return [
      { name: "distance in pixels", values: [...pixels.data], other: between.pixels, share: between.pixels === null ? null : share(mean([...pixels.data]), between.pixels) },
      ...config.encoders.map((name, i) => {
        const values = [...cosines.data.subarray(i * count, (i + 1) * count)], other = between.cosines[i];
        return { name: `cosine of ${name}`, values, other, share: other === null ? null : share(1 - mean(values), 1 - other) };
      }),
    ];
  }
  const number = value => value === null ? "–" : value.toFixed(3);

  // ---- controls ----
  const names = config.operations.map(one => [one.name, one.name]);
  const controls = {
    image: config.images > 1 ? course.choice("Picture", { options: [...Array(config.images).keys()].map(i => [i, `picture ${i + 1}`]), value: state.image, change: v => set({ image: Number(v) }) }) : null,
    first: course.choice("Operation", { options: names, value: state.first, change: v => set({ first: v }) }),
    second: course.choice("then", { options: [["", "nothing"], ...names], value: state.second, change: v => set({ second: v }) }),
    strength: course.slider("Strength", { min: 1, max: config.strengths, value: state.strength, show: v => `${v} of ${config.strengths}`, change: v => set({ strength: v }) }),
  };
  const again = course.button("Draw again", () => set({ round: wished().round + 1 }));
  function setControls() {
    for (const [name, control] of Object.entries(controls)) control?.set(state[name]);
    controls.strength.input.disabled = !stepsOf(state).some(one => one.words.length > 1);
    again.disabled = !stepsOf(state).some(one => one.random);
  }
  const what = course.make("p"), strip = course.make("div", { class: "course-columns" }), table = course.make("div");
  root.append(course.bar(controls.image?.node, controls.first.node, controls.second.node, controls.strength.node, again),
    what, strip, table, status.node, course.bar(course.button("Save picture", savePicture), course.button("Save numbers", saveNumbers)));

  // ---- drawing ----
  function panel(source, index, title, words) {
    const canvas = course.make("canvas", { width: width * zoom, height: height * zoom, role: "img", "aria-label": words });
    course.enlarge(canvas.getContext("2d"), course.picture(source, index));
    return course.make("figure", {}, canvas, course.make("figcaption", {}, title));
  }
  function draw() {
    setControls();
    const { views } = known.get(keyOf(state)), count = views.shape[0], rows = measures();
    const caption = i => count > 1 ? `draw ${i + 1}` : "after";
    what.textContent = `The picture is ${stepsOf(state).map(one => one.words[one.words.length > 1 ? state.strength - 1 : 0]).join(", then ")}.`;
    strip.replaceChildren(panel(first.images, state.image, "original", `picture ${state.image + 1}, original`),
      ...[...Array(count).keys()].map(i => panel(views, i, caption(i), `${caption(i)}: ${rows.map(row => `${row.name} ${number(row.values[i])}`).join(", ")}`)));
    const heads = ["measure", ...[...Array(count).keys()].map(caption), "mean", "two different pictures", "of the way to another picture"];
    table.replaceChildren(course.table(heads, rows.map(row => [row.name, ...row.values.map(number), number(mean(row.values)), number(row.other), row.share === null ? "–" : course.percent(row.share, 0)]),
      "Distance between each view and the original; white and black are 1 apart, a cosine of 1 is no distance"));
    // the last column as a bar too: full length is another picture
    for (const line of table.querySelectorAll("tr")) line.firstChild.style.textAlign = "left";
    [...table.querySelectorAll("tbody tr")].forEach((line, i) => {
      if (rows[i].share !== null) line.lastChild.append(course.make("span", { "aria-hidden": "true", style:
        `display: block; height: 7px; margin: 2px 0; width: ${Math.min(100, Math.max(0, 100 * rows[i].share)).toFixed(1)}%; background: var(--course-mark)` }));
    });
    status.say(`Picture ${state.image + 1}, ${wordsOf(state)}. ${rows.map(row => `${row.name[0].toUpperCase()}${row.name.slice(1)} ${number(mean(row.values))}${row.share === null ? "" : `, ${course.percent(row.share, 0)} of the way to another picture`}`).join(". ")}.`);
    course.drawn(el);
  }

  // ---- taking it away ----
  const file = () => `augmentation-picture${state.image + 1}-${stepsOf(state).map(one => one.name.replaceAll(" ", "-")).join("-")}-${state.strength}`;
  function savePicture() {
    const figures = [...strip.querySelectorAll("figure")], wide = width * zoom + 12, tall = height * zoom + 24;
    const out = course.make("canvas", { width: wide * figures.length, height: tall }), context = out.getContext("2d");
    context.fillStyle = "#fff"; context.fillRect(0, 0, out.width, out.height);
    context.fillStyle = "#000"; context.font = "14px sans-serif"; context.textBaseline = "top";
    figures.forEach((figure, i) => { context.drawImage(figure.firstChild, i * wide, 0); context.fillText(figure.textContent, i * wide, tall - 20); });
    out.toBlob(blob => course.download(`${file()}.png`, blob));
  }
  function saveNumbers() {
    const rows = [["picture", "first", "second", "strength", "measure", "draw", "value"]];
    for (const row of measures()) row.values.forEach((value, i) => rows.push([state.image + 1, state.first, state.second, state.strength, row.name, i + 1, value]));
    course.save(`${file()}.csv`, rows);
  }

  begin();
  return () => { close(); asker.close(); };
}
const widget = { render };
export default widget;
