#!/usr/bin/env nextflow
// Every task does its share of the slides, all write into one folder.
//
//     nextflow run segment.nf --slides /data/slides --out /data/results --shards 16
//
// Paths must be absolute, and the same on all machines: tasks run in folders of their own.
params.slides = null
params.out = null
params.shards = 8
params.options = ''

process SEGMENT {
    tag "${shard} of ${params.shards}"
    cpus 4
    memory '8 GB'
    // 1: an image could not be done, see summary.csv; whatever else ends a task may pass, and the next one goes on.
    errorStrategy { task.exitStatus == 1 ? 'ignore' : 'retry' }
    maxRetries 3

    input:
    val shard

    script:
    """
    nuseg segment '${params.slides}' -o '${params.out}' --shard ${shard}/${params.shards} \
        --threads ${task.cpus} ${params.options}
    """
}

workflow {
    SEGMENT(channel.of(1..params.shards))
}
