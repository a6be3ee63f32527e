/**
 * The doors through which toasts are made. Who may be told, and whether a sound belongs to it, is decided elsewhere.
 */
import { toast } from 'svelte-sonner';
import type { ComponentProps } from 'svelte';
import NotificationToast from './NotificationToast.svelte';

const SECONDS = 1000;
/** Notices without an id of their own, so far. */
let count = 0;

export interface PersonNotice {
	/** One toast per id: a second one replaces the first. */
	id?: string;
	name: string;
	personId: string;
	picture?: string | null;
	agent?: boolean;
	where?: string;
	text: string;
	onopen: () => void;
}

/** Somebody wrote, somewhere else. */
export function notifyPerson({ id, name, ...rest }: PersonNotice): string | number {
	return show(id, { kind: 'person', title: name, ...rest }, 15 * SECONDS);
}

export interface ChangeNotice {
	/** One toast per id: a second one replaces the first. */
	id: string;
	title: string;
	text: string;
	onopen: () => void;
}

/** Something of the user's was changed, somewhere else. */
export function notifyChange({ id, ...rest }: ChangeNotice) {
	return show(id, { kind: 'info', ...rest }, 15 * SECONDS);
}

/** What the user asked for is done. */
export function notifyDone(title: string, options: { text?: string; action?: string; onopen?: () => void } = {}) {
	return show(undefined, { kind: 'done', title, ...options }, 4 * SECONDS);
}

/** What the user asked for failed: what happened; `text` says what is safe or what to do. Stays longer. */
export function notifyError(title: string, options: { text?: string; action?: string; onopen?: () => void } = {}) {
	return show(undefined, { kind: 'error', title, ...options }, 10 * SECONDS);
}

/** A quiet remark. */
export function notifyInfo(title: string, options: { text?: string; action?: string; onopen?: () => void } = {}) {
	return show(undefined, { kind: 'info', title, ...options }, 5 * SECONDS);
}

/** Takes a toast away, for instance because its message was read in another tab. */
export function dismissNotice(id: string | number) {
	toast.dismiss(id);
}

/** Takes all toasts away, as after signing out. */
export function dismissAllNotices() {
	toast.dismiss();
}

function show(
	id: string | undefined,
	props: ComponentProps<typeof NotificationToast>,
	duration: number,
): string | number {
	const key = id ?? `notice-${(count += 1)}`;
	return toast.custom(NotificationToast, {
		id: key,
		duration,
		unstyled: true,
		componentProps: { ...props, onclose: () => toast.dismiss(key) },
	});
}
