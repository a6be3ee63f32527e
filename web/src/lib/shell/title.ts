/** The title of the browser tab: what is unread, where we are, whose workspace it is. */
export function pageTitle(place: string, server: string, unread: number): string {
	const count = unread > 0 ? `(${unread > 99 ? '99+' : unread}) ` : '';
	return `${count}${place} · ${server}`;
}
