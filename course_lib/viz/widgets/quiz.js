// What the quizzes share: their rounds, and the score board: you, the model and chance, with Wilson's intervals.
course.quiz = {};
// What is chosen, what was answered, and how both change; Python may change them as well. `begin`: the state but
// for its round. `state` stays one object, so the model gets copies.
course.quiz.rounds = (model, begin, draw) => {
  const { rounds } = model.get("config"), state = { round: 0, ...begin, ...model.get("state") };
  const log = course.logbook(model, () => draw()), rows = () => log.rows().filter(row => row.right != null);
  const stop = course.follow(model, () => state, given => {
    Object.assign(state, given, { round: course.within(given.round ?? state.round, rounds.length) });
    draw();
  });
  return {
    state, rows, total: rounds.length, record: log.record,
    round: () => rounds[state.round],
    answered: () => rows().find(row => row.round === state.round + 1),
    set: change => { Object.assign(state, change); course.change(model, "state", { ...state }); draw(); },
    close: () => { stop(); log.close(); },
  };
};
// Enter held down answers once and does not run through the rounds
course.quiz.onePress = root =>
  root.addEventListener("keydown", event => { if (event.repeat && event.key === "Enter") event.preventDefault(); }, true);
course.quiz.figure = (name, ...nodes) => course.make("figure", {}, course.make("figcaption", {}, course.make("strong", {}, name)), ...nodes);
// Wilson's 95 % interval for a share, as scipy's binomtest(right, of).proportion_ci(method="wilson")
course.quiz.wilson = (right, of, z = 1.959963984540054) => {
  const share = right / of, wide = 1 + z * z / of, middle = (share + z * z / (2 * of)) / wide;
  const half = z / wide * Math.sqrt(share * (1 - share) / of + z * z / (4 * of * of));
  return [right === 0 ? 0 : middle - half, right === of ? 1 : middle + half];
};
// rows of the log -> [[who, right, of]]; the model only where it answered
course.quiz.tally = rows => {
  const sum = key => rows.reduce((total, row) => total + row[key], 0), of = sum("of");
  if (!of) return [];
  const found = [["you", sum("right"), of]];
  if (rows.every(row => row.model_right != null)) found.push(["model", sum("model_right"), of]);
  return found;
};
course.quiz.words = (rows, chance) => {
  const between = ([low, high]) => `${(100 * low).toFixed(1)} to ${course.percent(high)}`;
  const parts = course.quiz.tally(rows).map(([who, right, of]) => `${who} ${right} of ${of} (${course.percent(right / of)}, 95 % interval ${between(course.quiz.wilson(right, of))})`);
  return [...parts, `chance ${course.percent(chance)}`].join("; ");
};
// you, model and chance as a table; each share also as a dot in its interval, the dashed line is chance
course.quiz.board = () => {
  const node = course.make("div");
  const bar = (share, low, high, chance) => {
    const at = (from, style) => course.make("span", { style: `position: absolute; left: ${100 * from}%; ${style}` });
    return course.make("div", { "aria-hidden": "true", style: "position: relative; width: 220px; height: 16px; border: 1px solid var(--course-line)" },
      at(chance, "top: 0; bottom: 0; border-left: 2px dashed currentColor"),
      low == null ? null : at(low, `top: 6px; height: 4px; width: ${100 * (high - low)}%; background: var(--course-mark)`),
      low == null ? null : at(share, "top: 2px; width: 12px; height: 12px; margin-left: -6px; border-radius: 50%; background: currentColor"));
  };
  const show = (rows, chance, caption) => {
    const lines = course.quiz.tally(rows).map(([who, right, of]) => {
      const [low, high] = course.quiz.wilson(right, of);
      return { cells: [who, right, of, course.percent(right / of), `${(100 * low).toFixed(1)} to ${course.percent(high)}`], bar: bar(right / of, low, high, chance) };
    });
    lines.push({ cells: ["chance", "", "", course.percent(chance), ""], bar: bar(chance, null, null, chance) });
    const table = course.table(["who", "right", "of", "share", "95 % interval", "0 to 100 %"], lines.map(line => line.cells), caption);
    table.querySelectorAll("tbody tr").forEach((row, i) => row.append(course.make("td", {}, lines[i].bar)));
    node.replaceChildren(table);
  };
  return { node, show };
};
course.quiz.save = (name, rows) => {
  const heads = [...new Set(rows.flatMap(Object.keys))], cell = value => Array.isArray(value) ? value.join(" ") : value ?? "";
  course.save(name, [heads, ...rows.map(row => heads.map(head => cell(row[head])))]);
};
// arrows move the focus between buttons in a grid; only one of them is reached by Tab
course.quiz.roving = (group, buttons, across, more = {}) => {
  const focus = index => buttons.forEach((button, i) => { button.tabIndex = i === index ? 0 : -1; if (i === index) button.focus(); });
  buttons.forEach((button, i) => { button.tabIndex = i === 0 ? 0 : -1; button.addEventListener("focus", () => buttons.forEach((other, k) => { other.tabIndex = k === i ? 0 : -1; })); });
  group.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab") return;
    event.stopPropagation();
    const here = buttons.indexOf(event.target), column = here % across;
    const to = { ArrowLeft: column > 0 ? here - 1 : here, ArrowRight: column < across - 1 ? here + 1 : here, ArrowUp: here - across, ArrowDown: here + across }[event.key];
    const act = more[event.key];
    if (act) { event.preventDefault(); act(event); }
    else if (here >= 0 && to !== undefined) { event.preventDefault(); if (buttons[to]) focus(to); }
  });
  return { focus };
};
