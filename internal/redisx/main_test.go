package redisx

import (
	"testing"

	"github.com/jollyjet/aside/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }
