// Package lua holds the scripts that Redis runs. Each file says what its script does, takes and returns.
//
// Invariant: a script is correct if it runs late or more than once, because it checks the record under its key before it
// changes it. Older and newer versions of the program run their scripts on the same keys.
package lua

import (
	_ "embed" // of the scripts

	"github.com/jollyjet/aside/internal/redisx"
)

var (
	//go:embed take.lua
	take string
	//go:embed cas.lua
	cas string
	//go:embed put.lua
	put string
	//go:embed version.lua
	version string
	//go:embed evict.lua
	evict string
	//go:embed hold.lua
	hold string
	//go:embed touch.lua
	touch string
	//go:embed unhold.lua
	unhold string
	//go:embed checkpoint.lua
	checkpoint string
)

// The scripts.
var (
	Take       = redisx.NewScript(take)       // takes the lease of an entry
	Cas        = redisx.NewScript(cas)        // changes a record that has not changed
	Put        = redisx.NewScript(put)        // stores a record over anything but a hold
	Version    = redisx.NewScript(version)    // reads the version of a tag, or begins one
	Evict      = redisx.NewScript(evict)      // removes an entry or the version of a tag
	Hold       = redisx.NewScript(hold)       // places or renews the hold of a writer
	Touch      = redisx.NewScript(touch)      // extends the life of a value
	Unhold     = redisx.NewScript(unhold)     // ends the hold of a writer, and evicts
	Checkpoint = redisx.NewScript(checkpoint) // takes, saves or releases the checkpoint of a stream
)
