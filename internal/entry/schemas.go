package entry

import (
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/wire"
)

// expectVariants is for how long variants are read together with entries after one of another schema was met.
const expectVariants = 10 * time.Second

// schemas knows whether entries of another schema were met lately.
type schemas struct{ until atomic.Int64 } // as uptime; 0: none was ever met

func (s *schemas) met() { s.until.Store(int64(wire.Uptime() + expectVariants)) }

func (s *schemas) lately() bool {
	until := s.until.Load()
	return until != 0 && int64(wire.Uptime()) < until
}
