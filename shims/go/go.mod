module ascend

go 1.22
