package cacheable

// RaceEnabled tells tests whether the race detector, and so the check of shared values, is on.
const RaceEnabled = raceEnabled
