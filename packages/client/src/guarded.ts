/** What an application's code throws is its own, and stops nothing here: it surfaces as an uncaught error. */
export function guarded(run: () => void): void {
	try {
		run();
	} catch (error) {
		queueMicrotask(() => {
			throw error;
		});
	}
}
