// The times that a chart offers, in seconds.
export const SPANS = [900, 3600, 21600, 86400, 172800, 604800, 2592000, 34560000]
