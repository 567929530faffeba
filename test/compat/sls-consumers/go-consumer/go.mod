module sampan/compat/go-consumer

go 1.22

require (
	github.com/aliyun/aliyun-log-go-sdk v0.1.110
	github.com/go-kit/kit v0.10.0
)
