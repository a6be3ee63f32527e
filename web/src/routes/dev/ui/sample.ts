/** People for the gallery: short and long names, right-to-left, emoji. */
export const PEOPLE = [
	{ id: 'u-1', name: 'Grace Hopper', note: 'grace@example.org', online: true },
	{ id: 'u-2', name: 'Katherine Johnson', note: 'katherine@example.org', online: false },
	{ id: 'u-3', name: 'محمد بن موسى', note: 'musa@example.org', online: true },
	{ id: 'u-4', name: '🦊 Fox', note: 'fox@example.org', online: false },
	{
		id: 'u-5',
		name: 'Wolfeschlegelsteinhausenbergerdorff-Montgomery the Third of It',
		note: 'wolf@example.org',
		online: true,
	},
	{ id: 'u-6', name: '山田太郎', note: 'taro@example.org', online: false },
	{ id: 'u-7', name: 'Ada Lovelace', note: 'ada@example.org', online: true },
];
