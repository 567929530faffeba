// A consumer of one group, as a user of the Go SDK writes it. Prints one JSON line per fetched batch.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	consumer "github.com/aliyun/aliyun-log-go-sdk/consumer"
	kitlog "github.com/go-kit/kit/log"
)

type batch struct {
	Shard int             `json:"shard"`
	Logs  [][]interface{} `json:"logs"`
}

func main() {
	var printing sync.Mutex
	process := func(shard int, list *sls.LogGroupList, tracker consumer.CheckPointTracker) (string, error) {
		out := batch{Shard: shard, Logs: [][]interface{}{}}
		for _, group := range list.LogGroups {
			for _, log := range group.Logs {
				fields := map[string]string{}
				for _, content := range log.Contents {
					fields[content.GetKey()] = content.GetValue()
				}
				sequence, err := strconv.Atoi(fields["sequence"])
				if err != nil {
					return "", err
				}
				out.Logs = append(out.Logs, []interface{}{fields["lane"], sequence})
			}
		}
		if len(out.Logs) > 0 {
			line, _ := json.Marshal(out)
			printing.Lock()
			fmt.Println(string(line))
			printing.Unlock()
		}
		return "", tracker.SaveCheckPoint(true)
	}
	worker := consumer.InitConsumerWorkerWithCheckpointTracker(consumer.LogHubConfig{
		Endpoint:                  os.Getenv("ENDPOINT"),
		AccessKeyID:               os.Getenv("ACCESS_KEY_ID"),
		AccessKeySecret:           os.Getenv("ACCESS_KEY_SECRET"),
		Project:                   os.Getenv("PROJECT"),
		Logstore:                  os.Getenv("LOGSTORE"),
		ConsumerGroupName:         "compat",
		ConsumerName:              os.Args[1],
		CursorPosition:            consumer.BEGIN_CURSOR,
		HeartbeatIntervalInSecond: 1,
		HeartbeatTimeoutInSecond:  4,
		InOrder:                   true,
		Logger:                    kitlog.NewLogfmtLogger(kitlog.NewSyncWriter(os.Stderr)),
	}, process)
	worker.Start()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	worker.StopAndWait()
}
