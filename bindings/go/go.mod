module github.com/libtrustbuild/libtrustbuild/bindings/go

go 1.21
