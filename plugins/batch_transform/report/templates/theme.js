// Airflow keeps the theme that its user has chosen; without a choice the browser's own counts.
const follow = () => {
  document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "";
};
follow();
addEventListener("storage", follow);
