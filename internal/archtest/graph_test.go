package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// forTests are folders that the graphs leave out: only tests and other modules import them.
var forTests = set("internal/acltest", "internal/archtest", "internal/faulttest", "internal/memredis", "internal/redisserver", "internal/redistest")

// The graphs in doc.go and internal/engine/doc.go are the layers that TestImportsGoOneWay holds, the highest first.
func TestTheDocumentedLayersAreTheTestedOnes(t *testing.T) {
	var all, rooms [][]string
	for _, layer := range slices.Backward(layers) {
		var names, inner []string
		for _, folder := range layer {
			if _, err := os.Stat(filepath.Join("..", "..", folder)); err != nil || forTests[folder] {
				continue
			}
			name, internal := strings.CutPrefix(folder, "internal/")
			names = append(names, name)
			if internal {
				inner = append(inner, name)
			}
		}
		all, rooms = append(all, names), append(rooms, inner)
	}
	empty := func(layer []string) bool { return len(layer) == 0 }
	require.Equal(t, slices.DeleteFunc(all, empty), graph(t, "../../doc.go"))
	require.Equal(t, slices.DeleteFunc(rooms, empty), graph(t, "../engine/doc.go"))
}

var graphLine = regexp.MustCompile(`(?m)^//\t(?:internal:)? *(.+)$`)

// graph returns the layers that the indented lines of a package comment show.
func graph(t *testing.T, file string) (shown [][]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, line := range graphLine.FindAllStringSubmatch(string(text), -1) {
		shown = append(shown, strings.Fields(line[1]))
	}
	return shown
}

var quotedPath = regexp.MustCompile("`([a-z]+/[a-z_/]*(?:\\.go)?)`")

// Every file and folder that docs/architecture.md names exists.
func TestTheArchitecturePageNamesWhatExists(t *testing.T) {
	text, err := os.ReadFile("../../docs/architecture.md")
	require.NoError(t, err)
	named := quotedPath.FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(named), 50, "the page's paths were found")
	for _, name := range named {
		_, err := os.Stat(filepath.Join("..", "..", name[1]))
		require.NoError(t, err, "docs/architecture.md names %s", name[1])
	}
}
