/** The app runs in the browser only; the server hands out one page for every address. */
export const ssr = false;
export const prerender = false;
