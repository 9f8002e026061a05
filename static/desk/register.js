/* Registering: the customer's lookup from the keyboard, grade for complaints only, priority by level, likely duplicates. The form works without it. */
(function () {
  "use strict";
  var form = document.getElementById("register-form"), side = document.getElementById("register-side"), proposed = document.getElementById("register-proposal");
  if (!form) { return; }
  var matrix = JSON.parse(document.getElementById("priority-matrix").textContent);
  var urgency = form.elements.urgency, plain = Array.from(urgency.options, function (option) { return option.textContent.split(" → "); });
  var unknown = null;

  function chosen(name) { var box = form.querySelector('input[name="' + name + '"]:checked'); return box ? box.value : ""; }
  function show() {
    form.classList.toggle("is-complaint", chosen("type") === "complaint");
    form.classList.toggle("is-graded", chosen("type") === "complaint" && !!chosen("grade"));
  }
  function nameUrgencies() {
    var customer = form.querySelector("#id_customer"), words = matrix[customer && customer.dataset.level] || {};
    Array.from(urgency.options).forEach(function (option, index) {
      if (!customer || !customer.dataset.level) { unknown = unknown || plain[index][1]; }
      option.textContent = plain[index][0] + " → " + (words[option.value] || unknown || plain[index][1]);
    });
  }
  var timer = null;
  function ask() { window.clearTimeout(timer); timer = window.setTimeout(function () { window.htmx.trigger(side, "register:changed"); propose(); }, 400); }
  function propose() { if (chosen("type") === "complaint") { window.htmx.trigger(proposed, "register:changed"); } }
  form.addEventListener("change", function (event) {
    /* Who handles it grades it (G1): an agent who grades keeps it. Who may assign it may grade for others. */
    var holder = form.elements.holder;
    if (event.target.name === "grade" && chosen("grade") && !holder.value && holder.options.length === 2) { holder.value = holder.options[1].value; ask(); }
    show();
    if (["order_number", "product", "batch", "summary", "type", "category", "holder"].indexOf(event.target.name) >= 0) { ask(); }
    else if (["channel", "urgency", "what_happened", "model", "quality_class"].indexOf(event.target.name) >= 0) { propose(); }
  });
  document.addEventListener("htmx:afterSettle", function (event) {
    var target = event.detail.target || event.target;
    if (target.id === "customer-box") {
      nameUrgencies();
      ask();
      form.dispatchEvent(new Event("change"));
      var first = target.querySelector("#id_who, #new-customer input:not([type=hidden])");
      (first || form.elements.summary).focus();
    }
    if (target.id === "found") { place(0); }
  });

  /* ↑ ↓ ↵ in the lookup, Alt ↵ for a new customer */
  function ones() { return Array.from(form.querySelectorAll(".lookup .one")); }
  function place(at) {
    var list = ones();
    list.forEach(function (one, index) { one.classList.toggle("is-cursor", index === at); });
    var box = document.getElementById("id_who");
    if (box) { box.setAttribute("aria-expanded", String(list.length > 0)); }
  }
  form.addEventListener("keydown", function (event) {
    if (event.target.id !== "id_who" || event.isComposing || event.keyCode === 229) { return; }
    var list = ones(), at = list.findIndex(function (one) { return one.classList.contains("is-cursor"); });
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.length) { place((at + (event.key === "ArrowDown" ? 1 : list.length - 1)) % list.length); }
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      var fresh = form.querySelector("[data-new-customer]");
      if (event.altKey && fresh) { fresh.click(); } else if (list[Math.max(0, at)]) { list[Math.max(0, at)].click(); }
    } else if (event.key === "Escape") { form.querySelector("#found").replaceChildren(); }
  });

  if (!form.querySelector("#id_customer").dataset.level) { unknown = plain[0][1]; }
  show();
  nameUrgencies();
})();
