/** How many there are of each. */
export const permits = 5
