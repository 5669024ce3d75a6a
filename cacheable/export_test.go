package cacheable

// RaceEnabled reports whether the race detector, and so the check of shared values, is on.
const RaceEnabled = raceEnabled
