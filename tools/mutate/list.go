package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A goPackage is what `go list -json` tells about a package.
type goPackage struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	EmbedFiles   []string
	Deps         []string
	Imports      []string
	TestGoFiles  []string
	XTestGoFiles []string
	TestImports  []string
	XTestImports []string
	Module       *struct{ Path, Dir string }
}

func (p *goPackage) hasTests() bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 }

// forTests reports whether a package only helps tests.
func (p *goPackage) forTests() bool {
	return slices.Contains(p.Imports, "testing") || len(p.GoFiles) == 0
}

func goList(root string, patterns ...string) ([]*goPackage, error) {
	cmd := exec.Command("go", append([]string{"list", "-json"}, patterns...)...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var pkgs []*goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		p := new(goPackage)
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
}

// above returns the packages of all whose tests use pkg, pkg itself first.
func above(pkg string, all []*goPackage) []*goPackage {
	deps := make(map[string][]string, len(all))
	for _, p := range all {
		deps[p.ImportPath] = p.Deps
	}
	var users []*goPackage
	for _, p := range all {
		uses := p.ImportPath == pkg || slices.Contains(p.Deps, pkg)
		for _, i := range append(slices.Clone(p.TestImports), p.XTestImports...) {
			uses = uses || i == pkg || slices.Contains(deps[i], pkg)
		}
		if uses && p.hasTests() {
			users = append(users, p)
		}
	}
	slices.SortStableFunc(users, func(a, b *goPackage) int {
		if (a.ImportPath == pkg) != (b.ImportPath == pkg) {
			if a.ImportPath == pkg {
				return -1
			}
			return 1
		}
		return len(a.Deps) - len(b.Deps)
	})
	return users
}

// mutants lists the mutants of a package's Go files and embedded Lua files.
func mutants(root string, p *goPackage) ([]mutant, error) {
	var found []mutant
	for _, name := range append(slices.Clone(p.GoFiles), p.EmbedFiles...) {
		path := filepath.Join(p.Dir, name)
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		file, err := filepath.Rel(root, path)
		if err != nil {
			return nil, err
		}
		file = filepath.ToSlash(file)
		switch filepath.Ext(name) {
		case ".go":
			more, err := goMutants(p.ImportPath, file, src)
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
		case ".lua":
			found = append(found, luaMutants(p.ImportPath, file, src)...)
		}
	}
	return found, nil
}
