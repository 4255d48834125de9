/* The score of the quizzes. Explanations need no script; what is kept stays in this browser. */
(() => {
  "use strict";
  const KEY = "quiz-answers"; // {name: true if the first answer was right}
  const NOT_KEPT = "This browser keeps nothing for this site: its storage is full or forbidden. " +
    "Your score lasts until you close the page.";
  const quizzes = [...document.querySelectorAll("fieldset.quiz")];
  if (!quizzes.length) return;

  let kept = true; // whether this browser keeps the answers; if not, they live as long as the page

  function load() {
    try {
      const text = localStorage.getItem(KEY);
      return isObject(text) ? JSON.parse(text) : {};
    } catch {
      kept = false; // forbidden
      return {};
    }
  }

  function isObject(text) {
    try {
      const value = JSON.parse(text);
      return typeof value === "object" && value !== null && !Array.isArray(value);
    } catch {
      return false;
    }
  }

  function save() {
    try {
      localStorage.setItem(KEY, JSON.stringify(answers));
      kept = true;
    } catch {
      kept = false; // forbidden or full
    }
  }

  let answers = load();

  /* Take in what another tab has stored since, where answers are stored at all. */
  function reload() {
    const stored = kept ? load() : answers;
    if (kept) answers = stored; // what load has found out
  }

  /* The text of an explanation, each formula once. */
  function plain(why) {
    const copy = why.cloneNode(true);
    copy.querySelectorAll("[aria-hidden=true], annotation").forEach((node) => node.remove());
    return copy.textContent.trim();
  }

  /* With several right options, the question is answered when one wrong or all right are chosen. */
  function result(quiz) {
    const inputs = [...quiz.querySelectorAll("input")];
    const chosen = inputs.filter((input) => input.checked);
    if (chosen.some((input) => input.value === "wrong")) return false;
    const right = inputs.filter((input) => input.value === "right");
    return chosen.length === right.length ? true : null;
  }

  /* Screen readers announce what changes in a region that was there before. */
  const spoken = document.createElement("div");
  spoken.className = "quiz-spoken";
  spoken.setAttribute("role", "status");
  document.body.append(spoken);

  const score = document.createElement("p");
  score.className = "quiz-score";
  const line = document.createElement("span");
  const buttons = {
    "Start over on this page": startOver,
    "Shuffle the options": shuffle,
    "Review": review,
  };
  score.append(line);
  const [reset, , opener] = Object.entries(buttons).map(([text, action]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", action);
    score.append(" ", button);
    return button;
  });
  quizzes[quizzes.length - 1].after(score);

  function show() {
    const here = quizzes.filter((quiz) => Object.hasOwn(answers, quiz.dataset.quiz));
    const right = here.filter((quiz) => answers[quiz.dataset.quiz] === true).length;
    const all = Object.values(answers);
    const total = all.filter((value) => value === true).length;
    const score = here.length
      ? `Right at the first try: ${right} of ${quizzes.length} on this page, ` +
        `${total} of ${all.length} answered in the book.`
      : kept ? "Your score is kept in this browser only." : "";
    line.textContent = kept ? score : `${score} ${NOT_KEPT}`.trim();
    reset.hidden = opener.hidden = !here.length;
  }

  function startOver() {
    reload();
    for (const quiz of quizzes) {
      delete answers[quiz.dataset.quiz];
      quiz.querySelectorAll("input").forEach((input) => { input.checked = false; });
    }
    save();
    closeReview();
    show();
    quizzes[0].querySelector("input").focus(); // the button that had it is gone
    spoken.textContent = "The answers on this page are cleared.";
  }

  /* Options in another order, so that a place is nothing to remember. What is chosen stays chosen. */
  function shuffle() {
    for (const quiz of quizzes) {
      const options = [...quiz.querySelectorAll(".quiz-option")];
      for (let last = options.length - 1; last > 0; last--) {
        const other = Math.floor(Math.random() * (last + 1));
        [options[last], options[other]] = [options[other], options[last]];
      }
      quiz.append(...options);
    }
    spoken.textContent = "The options are in another order.";
  }

  /* All explanations of the questions whose first answer was wrong, until the review is closed. */
  function review() {
    if (quizzes.some((quiz) => quiz.classList.contains("review"))) return closeReview();
    const missed = quizzes.filter((quiz) => answers[quiz.dataset.quiz] === false);
    missed.forEach((quiz) => quiz.classList.add("review"));
    const text = missed.length
      ? `${missed.length} to look at again: all their explanations are open.`
      : "Nothing to review: every first answer on this page was right.";
    line.textContent = spoken.textContent = text;
    if (!missed.length) return;
    opener.textContent = "Close the review";
    missed[0].scrollIntoView({ block: "center" });
  }

  function closeReview() {
    quizzes.forEach((quiz) => quiz.classList.remove("review"));
    opener.textContent = "Review";
    show();
  }

  for (const quiz of quizzes) {
    quiz.querySelectorAll("input").forEach((input) => {
      input.checked = false; // some browsers fill forms in again
      input.addEventListener("change", () => {
        const why = input.closest(".quiz-option").querySelector(".quiz-why");
        spoken.textContent = input.checked ? plain(why) : "";
        const name = quiz.dataset.quiz;
        const right = result(quiz);
        if (right === null) return;
        reload();
        if (!Object.hasOwn(answers, name)) answers[name] = right;
        save();
        show();
      });
    });
  }
  show();
})();
