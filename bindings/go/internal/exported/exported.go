// SPDX-License-Identifier: Apache-2.0

// Package exported lists what a package takes as text, for tests that must not leave one out.
package exported

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
)

// Texts names every text of the exported things of the package in dir: "Function(parameter)",
// "Type.Method(parameter)" and "Type.Field".
func Texts(dir string) ([]string, error) {
	var found []string
	packages, err := parser.ParseDir(token.NewFileSet(), dir, func(f fs.FileInfo) bool {
		return !strings.HasSuffix(f.Name(), "_test.go")
	}, 0)
	if err != nil {
		return nil, err
	}
	for _, p := range packages {
		for _, file := range p.Files {
			for _, declared := range file.Decls {
				switch d := declared.(type) {
				case *ast.FuncDecl:
					found = append(found, parameters(d)...)
				case *ast.GenDecl:
					found = append(found, fields(d)...)
				}
			}
		}
	}
	return found, nil
}

func isText(t ast.Expr) bool {
	switch t := t.(type) {
	case *ast.Ident:
		return t.Name == "string"
	case *ast.Ellipsis:
		return isText(t.Elt)
	case *ast.ArrayType:
		return isText(t.Elt)
	case *ast.MapType:
		return isText(t.Key) || isText(t.Value)
	}
	return false
}

func receiver(f *ast.FuncDecl) (name string, exported bool) {
	if f.Recv == nil {
		return "", true
	}
	t := f.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	name = t.(*ast.Ident).Name
	return name + ".", ast.IsExported(name)
}

func parameters(f *ast.FuncDecl) (found []string) {
	of, exported := receiver(f)
	if !exported || !f.Name.IsExported() {
		return nil
	}
	for _, field := range f.Type.Params.List {
		for _, name := range field.Names {
			if isText(field.Type) {
				found = append(found, fmt.Sprintf("%s%s(%s)", of, f.Name.Name,
					name.Name))
			}
		}
	}
	return found
}

func fields(d *ast.GenDecl) (found []string) {
	for _, spec := range d.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok || !t.Name.IsExported() {
			continue
		}
		s, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, field := range s.Fields.List {
			for _, name := range field.Names {
				if name.IsExported() && isText(field.Type) {
					found = append(found, t.Name.Name+"."+name.Name)
				}
			}
		}
	}
	return found
}

// Testing is what Refuse needs of a *testing.T.
type Testing interface {
	Helper()
	Fatal(...any)
	Errorf(string, ...any)
}

// Refuse tries every text of the package in the current directory: cases has for each what hands it
// over, or nil where it only comes out. With a NUL, refused must find the error to be what it
// should; without, the text must not be refused for its NUL.
func Refuse(t Testing, cases map[string]func(text string) error, refused func(error) bool) {
	t.Helper()
	names, err := Texts(".")
	if err != nil || len(names) == 0 {
		t.Fatal("no texts", err)
	}
	seen := map[string]bool{}
	for _, name := range names {
		seen[name] = true
		hand, ok := cases[name]
		if !ok {
			t.Errorf("%s is in no test", name)
		}
		if hand == nil {
			continue
		}
		for _, with := range []string{"a\x00b", "\x00", "right\x00"} {
			if err := hand(with); !refused(err) {
				t.Errorf("%s: %q: %v", name, with, err)
			}
		}
		if err := hand("right"); err != nil && strings.Contains(err.Error(), "NUL") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name := range cases {
		if !seen[name] {
			t.Errorf("%s is no text of this package", name)
		}
	}
}
