// Two answers to one question, without names: left, right, tie, or both bad.
function render({ model, el }) {
  const config = model.get("config"), arrays = course.arrays(model.get("data"), config.arrays), asker = course.asker(model);
  const root = course.root(el, config), status = course.announcer(), { battles, winners } = config, total = battles.length;
  const words = { left: "left is better", right: "right is better", tie: "tie", "both bad": "both bad" };
  const names = {};  // battle -> [left, right], once they may be seen
  let looking = null, began = performance.now(), shown = -1, closed = false;  // looking: the battle whose names are shown

  // ---- what is known: the log is the state ----
  const log = course.logbook(model, () => draw());
  const votes = () => log.rows().reduce((kept, row) => row.event === "vote" ? [...kept, row] : row.event === "undo" ? kept.slice(0, -1) : kept, []);
  const record = (event, more) => log.record({ event, ...more });
  const seen = battle => log.rows().some(row => row.event === "names" && row.battle === battle);
  const current = () => looking ?? votes().length;
  async function reveal(list) {
    const answers = await Promise.all(list.map(battle => asker.ask({ battle })));
    if (closed) return;
    list.forEach((battle, i) => { names[battle] = JSON.parse(new TextDecoder().decode(answers[i].names.data)); });
    for (const battle of list) if (!seen(battle)) record("names", { battle });
  }

  // ---- what happens ----
  async function vote(side) {
    const battle = current();
    if (looking !== null || battle >= total) return;
    record("vote", { battle, question_id: battles[battle].question_id, side, winner: winners[side], anony: !seen(battle), milliseconds: Math.round(performance.now() - began) });
    const said = `Vote ${battle + 1} of ${total}: ${words[side]}.`;
    if (config.reveal !== "each") {
      draw(`${said} ${battle + 1 < total ? "Next question." : "That was the last one."}`);
      if (battle + 1 >= total) (namesButton.hidden ? save : namesButton).focus();
      return;
    }
    looking = battle;
    draw(said);
    next.focus();
    try { await reveal([battle]); } catch (error) { if (!closed) draw(`${said} ${error.message}`); return; }
    if (!closed && looking === battle) draw(`${said} Left is ${names[battle][0]}, right is ${names[battle][1]}.`);
  }
  function undo() {
    const last = votes().at(-1);
    if (!last) return;
    looking = null;
    shown = -1;
    record("undo", { battle: last.battle });
    draw(`Vote ${last.battle + 1} is taken back${seen(last.battle) ? "; its names have been shown, so the next one is logged as not anonymous" : ""}.`);
    stage.focus();
  }
  function goOn() {
    looking = null;
    draw(votes().length >= total ? "That was the last one." : undefined);
    if (votes().length >= total) save.focus(); else stage.focus();
  }
  async function showNames() {
    try { await reveal([...battles.keys()]); } catch (error) { draw(error.message); return; }
    if (closed) return;
    draw("The names are shown.");
    save.focus();
  }
  function saveVotes() {
    const heads = ["battle", "question_id", "model_a", "model_b", "winner", "side", "anony", "milliseconds"];
    const line = row => { const [model_a, model_b] = names[row.battle] ?? ["", ""], all = { ...row, model_a, model_b }; return heads.map(head => all[head]); };
    course.save("votes.csv", [heads, ...votes().map(line)]);
  }

  // ---- elements ----
  const title = course.make("strong"), question = course.make("p", { style: "font-size: 17px; margin: 4px 0 10px; white-space: pre-wrap; overflow-wrap: anywhere" });
  const image = course.make("div");
  const panel = side => {
    const head = course.make("strong", {}, side), name = course.make("span"), text = course.make("div", { style: "white-space: pre-wrap; overflow-wrap: anywhere; font-size: 16px; margin-top: 6px" });
    const node = course.make("div", { role: "group", "aria-label": `${side} answer`, style: "min-width: 0; border: 1px solid var(--course-line); border-radius: 6px; padding: 8px 12px; min-height: 6em" }, head, name, text);
    return { node, name, text };
  };
  const left = panel("Left"), right = panel("Right");
  const stage = course.make("div", { tabindex: "0", role: "group", "aria-label": "question and both answers", style: "padding: 2px" }, question,
    course.make("div", { class: "course-columns" }, image, course.make("div", { style: "flex: 1 1 460px; display: grid; grid-template-columns: 1fr 1fr; gap: 12px" }, left.node, right.node)));
  const options = Object.entries({ left: "← Left is better", right: "→ Right is better", tie: "T: tie", "both bad": "B: both bad" }).map(([side, text]) => course.button(text, () => vote(side), { "data-side": side }));
  const undoButton = course.button("U: undo the last vote", undo), next = course.button("Next question", goOn);
  const namesButton = course.button("Show the names", showNames), save = course.button("Save votes", saveVotes), table = course.make("div", { style: "overflow-x: auto" });
  const bar = (...nodes) => course.make("div", { class: "course-bar", style: "margin-top: 10px" }, ...nodes);
  root.append(course.bar(title), stage, bar(...options), bar(next, namesButton, undoButton, save), status.node,
    course.make("p", { style: "margin: 4px 0" }, "Keys, while the focus is in here: arrow left, arrow right, T, B; U takes the last vote back."), table);
  const keys = { ArrowLeft: () => vote("left"), ArrowRight: () => vote("right"), t: () => vote("tie"), b: () => vote("both bad"), u: undo };
  root.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;  // a key held down is one vote
    const act = keys[event.key] ?? keys[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault(); event.stopPropagation();
    act();
  });

  // ---- drawing ----
  function results() {
    const rows = votes();
    const wins = {};
    for (const { battle, side } of rows) {
      if (!names[battle]) continue;
      names[battle].forEach((name, i) => { wins[name] ??= [0, 0, 0, 0]; wins[name][side === "tie" ? 2 : side === "both bad" ? 3 : (side === "left") === (i === 0) ? 0 : 1]++; });
    }
    const lines = Object.entries(wins).map(([name, counts]) => [name, ...counts]);
    if (lines.length) return [course.table(["model", "won", "lost", "tie", "both bad"], lines, "Votes so far, by model")];
    const count = side => rows.filter(row => row.side === side).length;
    return rows.length ? [course.table(["left", "right", "tie", "both bad"], [Object.keys(words).map(count)], "Votes so far, by side")] : [];
  }
  function draw(said) {
    const over = current() >= total, at = Math.min(current(), total - 1), battle = battles[at], known = names[at] && (looking !== null || over);
    if (shown !== at) {
      shown = at; began = performance.now();
      const picture = arrays[`image${battle.item}`] && course.picture(arrays[`image${battle.item}`]);
      if (picture) {
        const zoom = Math.max(1, Math.round(280 / Math.max(picture.width, picture.height)));
        picture.setAttribute("role", "img"); picture.setAttribute("aria-label", "the image that the question is about");
        picture.style.cssText = `width: ${picture.width * zoom}px; max-width: 100%; height: auto`;
      }
      image.replaceChildren(...(picture ? [picture] : []));
      image.hidden = !picture;
      question.textContent = battle.question;
      left.text.textContent = battle.left;  // as text: markup in an answer is shown, never run
      right.text.textContent = battle.right;
    }
    const mine = looking !== null || over ? votes().at(-1)?.side : null;
    [left, right].forEach((panel, i) => { panel.name.textContent = known ? ` · ${names[at][i]}` : ""; });
    title.textContent = over ? `All ${total} votes are in` : `Question ${at + 1} of ${total}`;
    options.forEach(button => { button.disabled = looking !== null || over; button.setAttribute("aria-pressed", String(button.dataset.side === mine)); });
    next.hidden = looking === null;
    next.textContent = votes().length >= total ? "Finish" : "Next question";
    namesButton.hidden = !(over && config.reveal === "end" && battles.some((_, i) => !names[i]));
    undoButton.disabled = save.disabled = !votes().length;
    table.replaceChildren(...results());
    status.say(said ?? (over ? `All ${total} votes are in.` : `Question ${at + 1} of ${total}: which answer is better?`));
    course.drawn(el);
  }
  draw();
  return () => { closed = true; log.close(); asker.close(); };
}
const widget = { render };
export default widget;
