package store

import "context"

// AcquireRefresh claims the version that seen is a view of, for a load that replaces it: the value stays readable until
// then, and in the whole fleet only one has the claim. Without a claim the view says why: somebody else has it
// ([Leased]), the last one failed and it is too early to try again ([Stale]), or the entry is not what was seen any
// more. The error wraps [ErrUnavailable].
func (p *Space) AcquireRefresh(ctx context.Context, ref *Ref, seen View) (*Claim, View, error) {
	a := p.tryRefresh(ref, seen)
	p.st.carryOut(ctx, a)
	return a.claim, a.view, a.err
}
