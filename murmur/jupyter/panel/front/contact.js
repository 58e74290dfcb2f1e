// Whether what is shown is still so: who tells the news may be gone, or say nothing.

const SILENCE = 6; // seconds without news, while a run is on, after which the page says so

/**
 * Return what a view knows of those who tell its news; `onDoubt` is called each second, and
 * when the kernel is lost.
 */
function newContact(model, el, onDoubt) {
  let heardAt = Date.now();
  let isLost = false;
  const heard = () => (heardAt = Date.now());
  // The front end says so to the model.  The class that it gives to the element is no sign once
  // the view is there: anywidget takes away the listener that would set it.
  const lose = () => {
    isLost = true;
    onDoubt();
  };
  const isCut = () => isLost || el.classList.contains("jupyter-widgets-disconnected");
  const silence = () => Math.round((Date.now() - heardAt) / 1000);
  const watch = setInterval(onDoubt, 1000);
  const news = ["change:state", "change:second"];
  news.forEach((name) => model.on(name, heard));
  model.on("comm_live_update", lose);
  return {
    /** Return "gone", "silent" or "" if the news can be trusted. */
    doubt({ session, state, unseen }) {
      if (isCut() || session === "closed") return "gone";
      return unseen || (silence() >= SILENCE && state && !isOver(state)) ? "silent" : "";
    },
    /** Return the doubt in words. */
    words(news) {
      const end = "This is its last news; run the cell again for a new one.";
      if (isCut()) return `Disconnected: the kernel has stopped or was restarted. ${end}`;
      if (news.session === "closed") return `Disconnected: the session was closed, or the kernel restarted. ${end}`;
      if (news.unseen) return news.unseen;
      return `No news for ${silence()} s: the kernel cannot be reached, or a user's code blocks the loop.`;
    },
    close() {
      clearInterval(watch);
      news.forEach((name) => model.off(name, heard));
      model.off("comm_live_update", lose);
    },
  };
}

/** Return the line that warns. */
function newWarning() {
  const element = h("div", { class: "mm-warning", role: "alert", hidden: true });
  return {
    element,
    show(text) {
      setText(element, text);
      element.hidden = !text;
    },
  };
}
