package main

import (
	"cmp"
	"hash/fnv"
	"math/rand/v2"
	"slices"
)

// sample chooses n of the mutants: one of each package, and the others in
// proportion to the packages' numbers. The same seed chooses the same mutants
// of an unchanged package.
func sample(byPkg map[string][]mutant, n int, seed uint64) []mutant {
	type share struct {
		pkg   string
		all   []mutant
		taken int
	}
	var shares []*share
	total := 0
	for pkg, all := range byPkg {
		if len(all) > 0 {
			shares = append(shares, &share{pkg: pkg, all: shuffle(pkg, all, seed)})
			total += len(all)
		}
	}
	slices.SortFunc(shares, func(a, b *share) int { return cmp.Compare(a.pkg, b.pkg) })
	for left := min(n, total); left > 0; left-- {
		// The next one goes to the package with the smallest part taken, none
		// at all before anything else, and the largest of those.
		next := slices.MinFunc(shares, func(a, b *share) int {
			return cmp.Or(
				cmp.Compare(float64(a.taken)/float64(len(a.all)), float64(b.taken)/float64(len(b.all))),
				-cmp.Compare(len(a.all), len(b.all)))
		})
		next.taken++
	}
	var chosen []mutant
	for _, s := range shares {
		part := s.all[:s.taken]
		slices.SortFunc(part, func(a, b mutant) int {
			return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.start, b.start), cmp.Compare(a.text, b.text))
		})
		chosen = append(chosen, part...)
	}
	return chosen
}

func shuffle(pkg string, all []mutant, seed uint64) []mutant {
	h := fnv.New64a()
	_, _ = h.Write([]byte(pkg)) // a hash never fails
	all = slices.Clone(all)
	rand.New(rand.NewPCG(seed, h.Sum64())).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}
