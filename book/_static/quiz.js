/* The score of the quizzes. Explanations need no script; what is kept stays in this browser. */
(() => {
  "use strict";
  const KEY = "quiz-answers"; // {name: true if the first answer was right}
  const quizzes = [...document.querySelectorAll("fieldset.quiz")];
  if (!quizzes.length) return;

  function load() {
    try {
      const stored = JSON.parse(localStorage.getItem(KEY));
      return stored && typeof stored === "object" && !Array.isArray(stored) ? stored : {};
    } catch {
      return {};
    }
  }

  function save(answers) {
    try { localStorage.setItem(KEY, JSON.stringify(answers)); } catch { /* private mode: no memory */ }
  }

  let answers = load();

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
  quizzes[quizzes.length - 1].after(score);

  function show() {
    const here = quizzes.filter((quiz) => quiz.dataset.quiz in answers);
    const right = here.filter((quiz) => answers[quiz.dataset.quiz] === true).length;
    const all = Object.values(answers);
    const total = all.filter((value) => value === true).length;
    score.textContent = here.length
      ? `Right at the first try: ${right} of ${quizzes.length} on this page, ` +
        `${total} of ${all.length} answered in the book. `
      : "Your score is kept in this browser only.";
    if (!here.length) return;
    const reset = document.createElement("button");
    reset.type = "button";
    reset.textContent = "Start over on this page";
    reset.addEventListener("click", () => {
      answers = load();
      for (const quiz of quizzes) {
        delete answers[quiz.dataset.quiz];
        quiz.querySelectorAll("input").forEach((input) => { input.checked = false; });
      }
      save(answers);
      show();
    });
    score.append(reset);
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
        answers = load();
        if (!(name in answers)) answers[name] = right;
        save(answers);
        show();
      });
    });
  }
  show();
})();
