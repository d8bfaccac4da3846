// Puts the page together; the tables first, since the plots' library takes a while to start.

async function start() {
  const [overview, words] = await Promise.all([unpack("overview"), unpack("words")]);
  tabs(document.querySelector("[role=tablist]"));
  document.getElementById("panel-tasks").append(...tasksTable(overview, words));
  document.getElementById("panel-programs").append(...programsTable(overview, words));
  await new TaskDialog(overview, words).follow();
  document.documentElement.dataset.ready = "tables";
  await drawPlots();
  document.documentElement.dataset.ready = "plots";
}

start().catch((error) => {
  const problem = document.getElementById("problem");
  problem.textContent = `This page can't be shown: ${error.message}. It needs a browser of 2023 or later.`;
  problem.hidden = false;
  throw error;
});
