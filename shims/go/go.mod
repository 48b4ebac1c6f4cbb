module ascend

go 1.21
