module ascend

go 1.23
