module github.com/jollyjet/aside/tools/mutate

go 1.26.0
