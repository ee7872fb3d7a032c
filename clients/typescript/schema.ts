/** Types of the server's routes. Written by `npm run openapi` from openapi/openapi.json. */
export interface paths {
    "/score": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Score conversations; or: vLLM's score of pairs
         * @description scoring, for a body with `inputs`: One result an input, in their order; an input with `responses` has its results nested in its place.
         *
         *     vLLM, for a body with `queries` or `text_1` or `data_1` or `documents` or `text_2` or `data_2` or `items`: Queries are prompts, documents are responses; numbers are as those of /classify.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ScoreRequest"] | components["schemas"]["VllmScoreRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ScoreReply"] | components["schemas"]["VllmScoreReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"] | components["schemas"]["VllmError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"] | components["schemas"]["VllmError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/get_reward": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Rewards of rendered samples
         * @description One sample or a whole rollout; an empty list has an empty reply.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "query": [
                     *         "<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n"
                     *       ],
                     *       "prompts": [
                     *         "<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n"
                     *       ],
                     *       "labels": [
                     *         ""
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["OpenRlhfRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OpenRlhfReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/score/evaluation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Scores of rendered texts */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "model": "model",
                     *       "messages": [
                     *         "<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["LlamaFactoryRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["LlamaFactoryReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["LlamaFactoryError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["LlamaFactoryError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/classify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * vLLM's classification; or: SGLang's own classification
         * @description vLLM, for a body with `input` or `messages`: The reward is the last number of `probs`. As from a regression model, numbers are raw; with `use_activation` or `activation` true they are calibrated to 0..1.
         *
         *     SGLang, for a body with `text` or `input_ids`: One text has one object as reply, a list has a list. The reward is the last number of `embedding`.
         */
        put: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["VllmClassifyRequest"] | components["schemas"]["SglangClassifyRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmClassifyReply"] | (components["schemas"]["SglangItem"] | components["schemas"]["SglangItem"][]);
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"] | components["schemas"]["SglangError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"] | components["schemas"]["SglangError"];
                    };
                };
            };
        };
        /**
         * vLLM's classification; or: SGLang's own classification
         * @description vLLM, for a body with `input` or `messages`: The reward is the last number of `probs`. As from a regression model, numbers are raw; with `use_activation` or `activation` true they are calibrated to 0..1.
         *
         *     SGLang, for a body with `text` or `input_ids`: One text has one object as reply, a list has a list. The reward is the last number of `embedding`.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["VllmClassifyRequest"] | components["schemas"]["SglangClassifyRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmClassifyReply"] | (components["schemas"]["SglangItem"] | components["schemas"]["SglangItem"][]);
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"] | components["schemas"]["SglangError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"] | components["schemas"]["SglangError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/pooling": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * vLLM's pooling
         * @description As /classify, in the form of a pooling model: the reward is the last number of `data`.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["VllmPoolingRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmPoolingReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/score": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * vLLM's score of pairs
         * @description Queries are prompts, documents are responses; numbers are as those of /classify.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            /** @description `queries` and `documents`, or by their older names `text_1`, `data_1` and `text_2`, `data_2`, `items`. */
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "queries": "How much is 2+2?",
                     *       "documents": [
                     *         "4",
                     *         "5"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["VllmScoreRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmScoreReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/rerank": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * vLLM's reranking; or: TEI's reranking
         * @description vLLM, for a body with `documents`: The query is a prompt, documents are responses to it; the best is the first.
         *
         *     TEI, for a body with `texts`: Responses to one prompt, the best first.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["VllmRerankRequest"] | components["schemas"]["TeiRerankRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmRerankReply"] | components["schemas"]["TeiRerankReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"] | components["schemas"]["TeiError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"] | components["schemas"]["TeiError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rerank": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * vLLM's reranking
         * @description The query is a prompt, documents are responses to it; the best is the first.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "query": "How much is 2+2?",
                     *       "documents": [
                     *         "5",
                     *         "4"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["VllmRerankRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmRerankReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/rerank": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * vLLM's reranking
         * @description The query is a prompt, documents are responses to it; the best is the first.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "query": "How much is 2+2?",
                     *       "documents": [
                     *         "5",
                     *         "4"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["VllmRerankRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmRerankReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VllmError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/embeddings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Rewards as OpenAI's embeddings
         * @description The reward is the last number of `embedding`.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "model": "reward-model",
                     *       "input": "<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n"
                     *     }
                     */
                    "application/json": components["schemas"]["SglangEmbeddingsRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SglangEmbeddingsReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SglangError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SglangError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/slime": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The reward as a bare number
         * @description For --rm-url without --reward-key.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "prompt": "<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n",
                     *       "response": "4<|im_end|>",
                     *       "label": "4"
                     *     }
                     */
                    "application/json": components["schemas"]["SlimeRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": number;
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/slime/objectives": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The reward and its objectives by name
         * @description For --rm-url with --reward-key `score`, or the name of an objective.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "prompt": "<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n",
                     *       "response": "4<|im_end|>",
                     *       "label": "4"
                     *     }
                     */
                    "application/json": components["schemas"]["SlimeRequest"];
                };
            };
            responses: {
                /** @description Beside these, the raw rating of each objective that --extra-objectives names, by its name. */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ScoreObject"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/xtuner": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The reward and its objectives by name
         * @description xtuner sends no prompt: the data set carries it as ground truth.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "response": "4<|im_end|>",
                     *       "label": {
                     *         "prompt": "How much is 2+2?"
                     *       },
                     *       "extra_info": {}
                     *     }
                     */
                    "application/json": components["schemas"]["XtunerRequest"];
                };
            };
            responses: {
                /** @description Beside these, the raw rating of each objective that --extra-objectives names, by its name. */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ScoreObject"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/align-anything": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Rewards of prompts and responses */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "prompts": [
                     *         "How much is 2+2?"
                     *       ],
                     *       "responses": [
                     *         "4"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["AlignAnythingRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["AlignAnythingReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/custom/reward-system/v1/submit_task": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Submit a sample */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "prompt": "user\nHow much is 2+2?\nassistant\n",
                     *       "response": "4",
                     *       "data_id": "7",
                     *       "rollout_id": "0",
                     *       "timeout": 300
                     *     }
                     */
                    "application/json": components["schemas"]["RollSubmitRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RollSubmitReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RollError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RollError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/custom/reward-system/v1/task_result": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Poll for the result of a task
         * @description The id is read from a JSON body, `{"reward_request_id": "..."}`, as ROLL sends it, else from the query. An id that is not known, or a task that failed, has no `reward_score`: submit again.
         */
        get: {
            parameters: {
                query: {
                    reward_request_id: string;
                };
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RollResultReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RollError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RollError"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Verify a rollout */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "responses_create_params": {
                     *         "input": [
                     *           {
                     *             "role": "user",
                     *             "content": "How much is 2+2?"
                     *           }
                     *         ]
                     *       },
                     *       "response": {
                     *         "id": "resp_1",
                     *         "object": "response",
                     *         "output": [
                     *           {
                     *             "id": "msg_1",
                     *             "type": "message",
                     *             "role": "assistant",
                     *             "status": "completed",
                     *             "content": [
                     *               {
                     *                 "type": "output_text",
                     *                 "text": "4",
                     *                 "annotations": []
                     *               }
                     *             ]
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["NemoGymRequest"];
                };
            };
            responses: {
                /** @description The fields of the request, the components once more by their names, and these. */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["NemoGymReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["NemoGymError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["NemoGymError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/seed_session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begin a rollout
         * @description Answers an empty object: no session is kept.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NemoGymSeed"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["NemoGymSeeded"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["NemoGymError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["NemoGymError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/aggregate_metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Means over rollouts
         * @description The mean of each number that all replies of /verify have at their top level.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NemoGymAggregateRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["NemoGymAggregate"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["NemoGymError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["NemoGymError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/chat/completions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The reward and its objectives as a chat completion
         * @description The last message is the answer to rate. Nothing is generated: what a request says of sampling is not looked at.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "model": "reward-model",
                     *       "messages": [
                     *         {
                     *           "role": "user",
                     *           "content": "How much is 2+2?"
                     *         },
                     *         {
                     *           "role": "assistant",
                     *           "content": "4"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ChatCompletionRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ChatCompletion"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OpenAiError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OpenAiError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The server and its extensions */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipServerMetadata"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process answers */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @enum {boolean} */
                            live: true;
                        };
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the server takes work */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @enum {boolean} */
                            ready: true;
                        };
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The model, its inputs and outputs */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Name or revision of the model, as /v1/models lists it. */
                    model: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipModelMetadata"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the model takes work */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Name or revision of the model, as /v1/models lists it. */
                    model: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            name: string;
                            /** @enum {boolean} */
                            ready: true;
                        };
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/config": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The model's configuration, as Triton gives it */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Name or revision of the model, as /v1/models lists it. */
                    model: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipModelConfig"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/repository/index": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Models of the repository: the one that is served */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipRepositoryIndex"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/infer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Rewards as tensors
         * @description Outputs of one value a conversation have the shape of the first input, `[n]` or `[n, 1]`. Tensors may be bytes behind the JSON, as in Triton's binary tensor data extension; `Content-Encoding` may be gzip or deflate.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path: {
                    /** @description Name or revision of the model, as /v1/models lists it. */
                    model: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "id": "42",
                     *       "inputs": [
                     *         {
                     *           "name": "prompt",
                     *           "shape": [
                     *             1
                     *           ],
                     *           "datatype": "BYTES",
                     *           "data": [
                     *             "How much is 2+2?"
                     *           ]
                     *         },
                     *         {
                     *           "name": "response",
                     *           "shape": [
                     *             1
                     *           ],
                     *           "datatype": "BYTES",
                     *           "data": [
                     *             "4"
                     *           ]
                     *         }
                     *       ],
                     *       "outputs": [
                     *         {
                     *           "name": "reward"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["OipInferRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipInferReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OipError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{model}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the model takes work */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Name or revision of the model, as /v1/models lists it. */
                    model: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            name: string;
                            /** @enum {boolean} */
                            ready: true;
                        };
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["KserveError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["KserveError"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{model}:predict": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Rewards of instances */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path: {
                    /** @description Name or revision of the model, as /v1/models lists it. */
                    model: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "instances": [
                     *         {
                     *           "prompt": "How much is 2+2?",
                     *           "response": "4"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["KservePredictRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["KservePredictReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["KserveError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["KserveError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/predict": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * TEI's prediction
         * @description Two texts in one list are a pair, prompt and response, not two inputs.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "inputs": [
                     *         "How much is 2+2?",
                     *         "4"
                     *       ],
                     *       "raw_scores": true
                     *     }
                     */
                    "application/json": components["schemas"]["TeiPredictRequest"];
                };
            };
            responses: {
                /** @description For a text or a pair a list of one label; for a list of them a list of such lists. */
                200: {
                    headers: {
                        /** @description Tokens that this server was asked for and has not computed yet, when the reply left. */
                        "x-outstanding-tokens"?: number;
                        /** @description The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md. */
                        "endpoint-load-metrics"?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TeiPredictReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TeiError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TeiError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/info": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The model, in TEI's words */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TeiInfo"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TeiError"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TeiError"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/explain/{explain_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Explain a result that /score returned */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description As a result of POST /score has it. */
                    explain_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ExplainReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Score and explain a prompt and a response
         * @description URLs end up in the logs of proxies; POST /explain keeps texts out of them, and takes long ones.
         */
        get: {
            parameters: {
                query: {
                    prompt: string;
                    response: string;
                    /** @description What to do with a conversation that is too long: refuse it, or cut the prompt from the left and keep the response whole. */
                    truncation?: "none" | "prompt_left";
                    /** @description Name or revision that /v1/models lists; any other is refused. */
                    model?: string;
                };
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ExplainReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        put?: never;
        /** Score and explain one conversation */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Milliseconds in which the request is to be answered, 1 to 86400000; then it is answered `deadline_exceeded`. */
                    "x-request-timeout-ms"?: string;
                    /** @description `interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets. */
                    "x-priority"?: string;
                    /** @description For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one. */
                    "x-affinity-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "messages": [
                     *         {
                     *           "role": "user",
                     *           "content": "What is the capital of Australia?"
                     *         },
                     *         {
                     *           "role": "assistant",
                     *           "content": "The capital of Australia is Canberra."
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ExplainRequest"];
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ExplainReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/livez": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process answers */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @enum {string} */
                            status: "alive";
                        };
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether the server takes work
         * @description 503 until the self-test of the bundle passed, while the engine restarts, and once a stop was asked for.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @enum {string} */
                            status: "ready";
                        };
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** As /readyz, with the state of the engine */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Health"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The model that is served, as OpenAI and KServe list models */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Models"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Metrics for Prometheus */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Text format. */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "text/plain": string;
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/reload": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read the bundle anew and put it into service
         * @description Only with --admin-reload on. No body is looked at. The bundle of --model is loaded beside the one in service, proves itself, and takes over; requests that came before are answered by the old one. `reload_failed`: the old one serves on. `reload_running`: one at a time.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ReloadReply"];
                    };
                };
                /** @description The caller's error. */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
                /** @description The server's error, or not ready. */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ErrorReply"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        AlignAnythingReply: {
            /** @description scoreScale * score + scoreOffset of each pair. */
            rewards: number[];
            /** @description Items that could not be scored, with the reason; absent when there are none. */
            errors?: {
                index: number;
                code: string;
                message: string;
            }[];
        };
        AlignAnythingRequest: {
            /** @description Rendered in the policy's chat template, or bare. */
            prompts: string[];
            /** @description As many as prompts. */
            responses: string[];
        };
        ChatCompletion: {
            id: string;
            /** @enum {string} */
            object: "chat.completion";
            created: number;
            model: string;
            choices: {
                index: number;
                message: {
                    /** @enum {string} */
                    role: "assistant";
                    /** @description `name:number`, with commas between them; `reward` is the last. */
                    content: string;
                    refusal: null;
                };
                logprobs: {
                    content: components["schemas"]["TokenLogprob"][];
                    refusal: null;
                };
                /** @enum {string} */
                finish_reason: "stop";
                /** @description Why this item could not be scored: its numbers stand in. Absent when it was. */
                error?: {
                    code: string;
                    message: string;
                };
            }[];
            usage: {
                prompt_tokens: number;
                completion_tokens: number;
                total_tokens: number;
            };
        };
        ChatCompletionRequest: {
            /** @description Not looked at. */
            model?: unknown;
            messages: components["schemas"]["ChatMessages"];
            /** @description Must not be true: there is one reply, and no text. */
            stream?: unknown;
            /** @description 1 or nothing: an answer has one score. */
            n?: unknown;
        };
        /** @description The last message is the assistant's: the answer to rate. */
        ChatMessages: {
            role: string;
            content: string | {
                type: string;
                text?: string;
            }[] | null;
        }[];
        ErrorBody: {
            /**
             * @description Stable; docs/errors.md explains each.
             * @enum {unknown}
             */
            code: "invalid_json" | "invalid_request" | "unsupported_media_type" | "unauthorized" | "forbidden" | "body_too_large" | "body_too_complex" | "too_many_inputs" | "too_many_tokens" | "too_long" | "text_too_large" | "invalid_conversation" | "unparsable_text" | "template_failed" | "invalid_token_ids" | "no_gate" | "no_tokenizer" | "unknown_model" | "explain_not_found" | "headers_too_large" | "request_timeout" | "client_closed" | "reload_running" | "not_found" | "method_not_allowed" | "exceeds_queue" | "overloaded" | "non_finite" | "engine_failed" | "engine_unavailable" | "too_many_connections" | "deadline_exceeded" | "shutting_down" | "reload_failed" | "internal";
            /** @description For people; may change. */
            message: string;
            /** @description For programs; depends on the code. */
            details: {
                [key: string]: unknown;
            };
        };
        ErrorReply: {
            error: components["schemas"]["ErrorBody"];
        };
        ExplainReply: {
            id?: components["schemas"]["InputId"];
            explain_id?: string;
            model: components["schemas"]["Model"];
            score: number;
            /** @description The score if every objective had the same gating weight. */
            uniform_score: number;
            gate: {
                /** @description exp of the entropy of the normalised gating weights: 1 for one objective, K for an even gate. */
                effective_objectives: number;
                /** @description What the gating weights sum to: the logit scale. */
                sum: number;
            };
            /** @description The largest contributions by magnitude. */
            top: {
                name: string;
                contribution: number;
                /** @description Part of the sum of all magnitudes; negative where it lowers the score. */
                share: number;
            }[];
            objectives: components["schemas"]["ObjectiveExplanation"][];
            usage: components["schemas"]["Usage"];
            truncated: boolean;
        };
        ExplainRequest: {
            id?: components["schemas"]["InputId"];
            /** @description The last message is the assistant's: the answer to rate. */
            messages: components["schemas"]["Message"][];
            /**
             * @description What to do with a conversation that is too long: refuse it, or cut the prompt from the left and keep the response whole.
             * @default none
             * @enum {unknown}
             */
            truncation?: "none" | "prompt_left";
            /** @description Name or revision that /v1/models lists; any other is refused. */
            model?: string;
        } | {
            id?: components["schemas"]["InputId"];
            /** @description The user message, or all messages before the answer. */
            prompt: string | components["schemas"]["Message"][];
            /** @description The answer to rate. */
            response: string;
            /**
             * @description What to do with a conversation that is too long: refuse it, or cut the prompt from the left and keep the response whole.
             * @default none
             * @enum {unknown}
             */
            truncation?: "none" | "prompt_left";
            /** @description Name or revision that /v1/models lists; any other is refused. */
            model?: string;
        } | {
            id?: components["schemas"]["InputId"];
            /** @description Rendered by this model's own chat template; special tokens are honoured. */
            text: string;
            /**
             * @description What to do with a conversation that is too long: refuse it, or cut the prompt from the left and keep the response whole.
             * @default none
             * @enum {unknown}
             */
            truncation?: "none" | "prompt_left";
            /** @description Name or revision that /v1/models lists; any other is refused. */
            model?: string;
        } | {
            id?: components["schemas"]["InputId"];
            /** @description Ids of this model's own tokenizer, used as they are. */
            input_ids: number[];
            /**
             * @description What to do with a conversation that is too long: refuse it, or cut the prompt from the left and keep the response whole.
             * @default none
             * @enum {unknown}
             */
            truncation?: "none" | "prompt_left";
            /** @description Name or revision that /v1/models lists; any other is refused. */
            model?: string;
        };
        Failure: {
            id?: components["schemas"]["InputId"];
            error: components["schemas"]["ErrorBody"];
        };
        Health: {
            /** @enum {string} */
            status: "ready";
            model: components["schemas"]["Model"];
            engine: {
                state: string;
                restarts: number;
            };
        };
        Input: components["schemas"]["MessagesInput"] | components["schemas"]["ResponseInput"] | components["schemas"]["ResponsesInput"] | components["schemas"]["TextInput"] | components["schemas"]["TokensInput"];
        /** @description The caller's own name for an input, echoed in its result. */
        InputId: string | number;
        KserveError: {
            /** @description `code: message`. */
            error: string;
        };
        /** @description A rendered text; or an object with `messages`, or `prompt` and `response`, or `text` (rendered) and perhaps its rendered `prompt`, or `input_ids`. */
        KserveInstance: string | {
            messages: components["schemas"]["ChatMessages"];
        } | {
            prompt: string;
            response: string;
        } | {
            text: string;
            prompt?: string;
        } | {
            input_ids: number[];
        };
        KservePredictReply: {
            predictions: components["schemas"]["KservePrediction"][];
        };
        KservePredictRequest: {
            instances?: components["schemas"]["KserveInstance"][];
            inputs?: components["schemas"]["KserveInstance"][];
        };
        KservePrediction: {
            /** @description scoreScale * score + scoreOffset. */
            reward: number;
            /** @description The model's own score. */
            score: number;
            /** @description The score, calibrated to 0..1. */
            calibrated: number;
            /** @description Raw ratings of the objectives that --extra-objectives names; always the same keys. */
            ratings: {
                [key: string]: number;
            };
            /** @description Whether tokens of the prompt were cut. */
            truncated: boolean;
            /** @description Why this item could not be scored: its numbers stand in. Absent when it was. */
            error?: {
                code: string;
                message: string;
            };
        };
        LlamaFactoryError: {
            detail: string;
        };
        LlamaFactoryReply: {
            id: string;
            /** @enum {string} */
            object: "score.evaluation";
            model: string;
            /** @description scoreScale * score + scoreOffset of each text. */
            scores: number[];
            /** @description Items that could not be scored, with the reason; absent when there are none. */
            errors?: {
                index: number;
                code: string;
                message: string;
            }[];
        };
        LlamaFactoryRequest: {
            model?: unknown;
            /** @description Prompt and response of each sample as one text, rendered in the policy's chat template. */
            messages: string[];
            /** @description Not looked at: the model's own limit holds. */
            max_length?: unknown;
        };
        /** @description One message; special tokens written inside content stay plain text. */
        Message: {
            role: string;
            content: string;
        };
        MessagesInput: {
            id?: components["schemas"]["InputId"];
            /** @description The last message is the assistant's: the answer to rate. */
            messages: components["schemas"]["Message"][];
        };
        /** @description The model that gave the scores. */
        Model: {
            name: string;
            /** @description Changes with all that decides a reward or its names. */
            revision: string;
            precision: string;
        };
        Models: {
            /** @enum {string} */
            object: "list";
            /** @description Names alone: KServe's form of this list. */
            models: string[];
            data: {
                id: string;
                /** @enum {string} */
                object: "model";
                /** @description When the model was loaded, in seconds since 1970. */
                created: number;
                owned_by: string;
                revision: string;
                source: string;
                licence: string | null;
                precision: string;
                provider: string;
                max_tokens: number;
                /** @description Without one, only `input_ids` can be scored. */
                tokenizer: boolean;
                logit_scale: number;
                objectives: {
                    name: string;
                    source_set: string | null;
                }[];
            }[];
        };
        NemoGymAggregate: {
            group_level_metrics: {
                [key: string]: number;
            }[];
            agent_metrics: {
                [key: string]: number;
            };
            key_metrics: {
                [key: string]: number;
            };
        };
        NemoGymAggregateRequest: {
            verify_responses: {
                [key: string]: unknown;
            }[];
        };
        NemoGymError: {
            detail: string;
        };
        /** @description The fields of the request, the components once more by their names, and these. */
        NemoGymReply: {
            /** @description scoreScale * score + scoreOffset. */
            reward: number;
            /** @description What each objective contributes to the reward. They sum to it; always all objectives. */
            reward_components: {
                [key: string]: number;
            };
            /** @description Why the reward stands in; absent when it does not. */
            failure_reason?: string;
            /** @description Why this item could not be scored: its numbers stand in. Absent when it was. */
            error?: {
                code: string;
                message: string;
            };
        } & {
            [key: string]: unknown;
        };
        NemoGymRequest: {
            responses_create_params: {
                input: string | components["schemas"]["ResponsesItem"][];
                instructions?: string | null;
            } & {
                [key: string]: unknown;
            };
            response: {
                output: components["schemas"]["ResponsesItem"][];
            } & {
                [key: string]: unknown;
            };
        } & {
            [key: string]: unknown;
        };
        NemoGymSeed: {
            [key: string]: unknown;
        };
        NemoGymSeeded: Record<string, never>;
        /** @description Results of an input with `responses`, in their order. */
        NestedResults: {
            id?: components["schemas"]["InputId"];
            results: (components["schemas"]["Result"] | components["schemas"]["Failure"])[];
        };
        ObjectiveExplanation: {
            name: string;
            /** @description Data set that the objective was rated on. */
            source_set: string | null;
            /** @description Raw output of the regression head. */
            rating: number;
            /** @description The rating on the scale of its data set; null where that scale is not known. */
            native: {
                value: number;
                low: number;
                high: number;
            } | null;
            /** @description What the reward transform took out: rating - adjusted. */
            removed: number;
            adjusted: number;
            /** @description Gating weight. */
            gating: number;
            /** @description gating * adjusted; these sum to the score. */
            contribution: number;
            /** @description Gating weights times the transposed transform: by how much the score moves with the raw rating. */
            coefficient: number;
        };
        OipError: {
            /** @description `code: message`; docs/errors.md explains each code. */
            error: string;
        };
        OipInferReply: {
            model_name: string;
            /** @enum {string} */
            model_version: "1";
            /** @description The request's own; absent when it had none. */
            id?: string;
            outputs: components["schemas"]["OipReplyTensor"][];
        };
        OipInferRequest: {
            id?: string;
            parameters?: {
                [key: string]: unknown;
            };
            /** @description `text`; or `prompt` and `response`; or `messages`; or `tokens`. */
            inputs: components["schemas"]["OipRequestTensor"][];
            /** @description All outputs when left out or empty. */
            outputs?: components["schemas"]["OipRequestedOutput"][];
        };
        OipModelConfig: {
            name: string;
            platform: string;
            backend: string;
            max_batch_size: number;
            input: {
                name: string;
                data_type: string;
                /** @description Without the dimension of the batch. */
                dims: number[];
                optional?: boolean;
            }[];
            output: {
                name: string;
                data_type: string;
                /** @description Without the dimension of the batch. */
                dims: number[];
                optional?: boolean;
            }[];
            model_transaction_policy: {
                /** @enum {boolean} */
                decoupled: false;
            };
            /** @description `objectives`: their names in the order of the outputs, with commas; `revision`: of the model. */
            parameters: {
                [key: string]: {
                    string_value: string;
                };
            };
        };
        OipModelMetadata: {
            name: string;
            versions: "1"[];
            platform: string;
            inputs: {
                name: string;
                datatype: string;
                /** @description -1: any size. */
                shape: number[];
            }[];
            outputs: {
                name: string;
                datatype: string;
                /** @description -1: any size. */
                shape: number[];
            }[];
        };
        OipReplyTensor: {
            name: string;
            shape: number[];
            /** @enum {unknown} */
            datatype: "FP32" | "BOOL" | "BYTES";
            parameters?: {
                [key: string]: unknown;
            };
            /** @description In rows, flat. */
            data?: number[] | boolean[] | string[];
        };
        OipRepositoryIndex: {
            name: string;
            /** @enum {string} */
            version: "1";
            /** @enum {unknown} */
            state: "READY" | "UNAVAILABLE";
            reason: string;
        }[];
        OipRequestTensor: {
            name: string;
            /** @description `[n]` or `[n, 1]`; of `tokens` `[n, L]`. */
            shape: number[];
            /** @description `BYTES`; of `tokens` and `sequence_lengths` an integer type. */
            datatype: string;
            parameters?: {
                [key: string]: unknown;
            };
            /** @description Elements in rows, flat or nested. */
            data?: unknown[];
        };
        OipRequestedOutput: {
            name: string;
            parameters?: {
                [key: string]: unknown;
            };
        };
        OipServerMetadata: {
            name: string;
            version: string;
            extensions: string[];
        };
        OpenAiError: {
            error: {
                message: string;
                type: string;
                param: string | null;
                code: string;
            };
        };
        OpenRlhfReply: {
            /** @description scoreScale * score + scoreOffset of each sample. */
            rewards: number[];
            /** @description The score, calibrated to 0..1. */
            scores: number[];
            /** @description Always the same keys, one number a sample: ratings by objective, and what befell the sample. */
            extra_logs: {
                [key: string]: number[];
            };
            /** @description Items that could not be scored, with the reason; absent when there are none. */
            errors?: {
                index: number;
                code: string;
                message: string;
            }[];
        };
        OpenRlhfRequest: {
            /** @description Prompt and response of each sample, rendered in the policy's chat template. */
            query: string | string[];
            /** @description Prompt of each sample, rendered. Where `query` begins with it, the rest is the response. */
            prompts?: string | unknown[] | null;
            labels?: unknown;
        };
        /** @description Whole conversations: texts in the policy's or this model's chat template, or token ids of this model's tokenizer. */
        Prompts: string | string[] | number[] | number[][];
        ReloadReply: {
            previous: components["schemas"]["Model"];
            model: components["schemas"]["Model"];
            /** @description Milliseconds from the request to the switch. */
            ms: number;
        };
        ResponseInput: {
            id?: components["schemas"]["InputId"];
            /** @description The user message, or all messages before the answer. */
            prompt: string | components["schemas"]["Message"][];
            /** @description The answer to rate. */
            response: string;
        };
        ResponsesInput: {
            id?: components["schemas"]["InputId"];
            /** @description The user message, or all messages before the answer. */
            prompt: string | components["schemas"]["Message"][];
            /** @description Answers to the one prompt, each rated on its own. */
            responses: string[];
        };
        ResponsesItem: {
            /** @description `message` when left out. */
            type?: string;
            role?: string;
            content?: string | ({
                text?: string;
                refusal?: string;
            } & {
                [key: string]: unknown;
            })[] | null;
            name?: string;
            arguments?: string;
            output?: string | ({
                text?: string;
                refusal?: string;
            } & {
                [key: string]: unknown;
            })[];
        } & {
            [key: string]: unknown;
        };
        Result: {
            id?: components["schemas"]["InputId"];
            /** @description For GET /explain/{explain_id}; null when none is kept. */
            explain_id?: string | null;
            /** @description Sum over objectives of gating weight times adjusted rating. */
            score: number;
            /** @description Raw outputs of the regression head, by objective. */
            ratings?: {
                [key: string]: number;
            };
            /** @description Gating weights; they sum to the logit scale, by objective. */
            gating?: {
                [key: string]: number;
            };
            /** @description Gating weight times adjusted rating; they sum to the score, by objective. */
            contributions?: {
                [key: string]: number;
            };
            usage?: components["schemas"]["Usage"];
            /** @description Whether tokens of the prompt were cut. */
            truncated: boolean;
        };
        RollError: {
            errcode: number;
            errmsg: string;
        };
        RollResultReply: {
            /** @description 1 while the task runs, else 0. */
            errcode: number;
            errmsg: string;
            /** @description scoreScale * score + scoreOffset; absent where the task is to be submitted again. */
            reward_score?: number;
            /** @description Raw ratings of the objectives that --extra-objectives names. The misspelling is the contract. */
            dimention_reward_score?: {
                [key: string]: {
                    reward_score: number;
                    debug_info: Record<string, never>;
                };
            };
            start_time?: string;
            end_time?: string;
            /** @description Why this item could not be scored: its numbers stand in. Absent when it was. */
            error?: {
                code: string;
                message: string;
            };
        };
        RollSubmitReply: {
            /** @enum {number} */
            errcode: 0;
            errmsg: string;
            reward_request_id: string;
        };
        RollSubmitRequest: {
            /** @description Decoded without special tokens. */
            prompt: string;
            response: string;
            /** @description Seconds after which nobody polls; 300 when left out. */
            timeout?: unknown;
        };
        /** @description Beside these, the raw rating of each objective that --extra-objectives names, by its name. */
        ScoreObject: {
            /** @description scoreScale * score + scoreOffset. */
            score: number;
            /** @description The model's own score. */
            raw_score: number;
            /** @description The score, calibrated to 0..1. */
            calibrated: number;
            /** @description Why this item could not be scored: its numbers stand in. Absent when it was. */
            error?: {
                code: string;
                message: string;
            };
        } & {
            [key: string]: unknown;
        };
        ScoreReply: {
            model: components["schemas"]["Model"];
            /** @description One an input, in their order. */
            results: (components["schemas"]["Result"] | components["schemas"]["NestedResults"] | components["schemas"]["Failure"])[];
            usage?: components["schemas"]["Usage"];
            timing?: components["schemas"]["Timing"];
        };
        /**
         * @example {
         *       "inputs": [
         *         {
         *           "messages": [
         *             {
         *               "role": "user",
         *               "content": "What is the capital of Australia?"
         *             },
         *             {
         *               "role": "assistant",
         *               "content": "The capital of Australia is Canberra."
         *             }
         *           ]
         *         }
         *       ]
         *     }
         */
        ScoreRequest: {
            inputs: components["schemas"]["Input"][];
            /** @description Which parts the reply holds; all of them by default. Score and truncated are always there. */
            return?: ("score" | "explain_id" | "ratings" | "gating" | "contributions" | "usage" | "timing")[];
            /**
             * @description `request`: one bad conversation refuses all. `item`: its error takes its place.
             * @default request
             * @enum {unknown}
             */
            on_error?: "request" | "item";
            /**
             * @description What to do with a conversation that is too long: refuse it, or cut the prompt from the left and keep the response whole.
             * @default none
             * @enum {unknown}
             */
            truncation?: "none" | "prompt_left";
            /** @description Name or revision that /v1/models lists; any other is refused. */
            model?: string;
        };
        SglangClassifyRequest: {
            text?: string | string[] | null;
            input_ids?: number[] | number[][] | null;
            rid?: string | string[] | null;
        };
        SglangEmbeddingsReply: {
            /** @enum {string} */
            object: "list";
            data: {
                /** @enum {string} */
                object: "embedding";
                embedding: number[] | string;
                index: number;
                /** @description Why this item could not be scored: its numbers stand in. Absent when it was. */
                error?: {
                    code: string;
                    message: string;
                };
            }[];
            model: string;
            usage: {
                prompt_tokens: number;
                total_tokens: number;
            };
        };
        SglangEmbeddingsRequest: {
            /** @description Not looked at: verl sends a path of its own. */
            model?: unknown;
            input: components["schemas"]["Prompts"];
            /**
             * @default float
             * @enum {unknown}
             */
            encoding_format?: "float" | "base64";
        };
        SglangError: {
            error: {
                message: string;
            };
        };
        SglangItem: {
            /** @description Ratings of the objectives that --extra-objectives names, and the reward as the last. */
            embedding: number[];
            meta_info: {
                id: string;
                finish_reason: null;
                prompt_tokens: number;
                /** @description Seconds. */
                e2e_latency: number;
            };
            /** @description Why this item could not be scored: its numbers stand in. Absent when it was. */
            error?: {
                code: string;
                message: string;
            };
        };
        SlimeRequest: {
            /** @description Text, rendered in the policy's chat template or bare, or the messages before the answer. */
            prompt: string | components["schemas"]["ChatMessages"];
            response: string;
            /** @description Not looked at. */
            label?: unknown;
        };
        TeiError: {
            /** @description `code: message`; docs/errors.md explains each code. */
            error: string;
            /** @enum {unknown} */
            error_type: "Unhealthy" | "Overloaded" | "Backend" | "Validation" | "Empty";
        };
        TeiInfo: {
            model_id: string;
            /** @description The model's revision. */
            model_sha: string;
            model_dtype: string;
            served_model_name: string;
            model_type: {
                reranker: {
                    id2label: {
                        [key: string]: string;
                    };
                    label2id: {
                        [key: string]: number;
                    };
                };
            };
            /** @description Tokens of a conversation. */
            max_input_length: number;
            max_client_batch_size: number;
            /** @enum {boolean} */
            auto_truncate: true;
            version: string;
        };
        /** @description For a text or a pair a list of one label; for a list of them a list of such lists. */
        TeiPredictReply: components["schemas"]["TeiPrediction"][] | components["schemas"]["TeiPrediction"][][];
        TeiPredictRequest: {
            /** @description One rendered text `"t"` or `["t"]`; one pair `["prompt", "response"]`; or a list of such lists: `[["t"], ["prompt", "response"]]`. */
            inputs: string | string[] | string[][];
            /** @description true: the reward. Otherwise the score, calibrated to 0..1. */
            raw_scores?: boolean | null;
            /** @description Not looked at. */
            truncate?: unknown;
            /** @description Not looked at. */
            truncation_direction?: unknown;
        };
        TeiPrediction: {
            score: number;
            /** @enum {string} */
            label: "score";
            /** @description Why this item could not be scored: its numbers stand in. Absent when it was. */
            error?: {
                code: string;
                message: string;
            };
        };
        /** @description The best first. */
        TeiRerankReply: {
            /** @description Place in `texts`. */
            index: number;
            text?: string;
            score: number;
            /** @description Why this item could not be scored: its numbers stand in. Absent when it was. */
            error?: {
                code: string;
                message: string;
            };
        }[];
        /**
         * @example {
         *       "query": "How much is 2+2?",
         *       "texts": [
         *         "5",
         *         "4"
         *       ]
         *     }
         */
        TeiRerankRequest: {
            /** @description The prompt. */
            query: string;
            /** @description Responses to it. */
            texts: string[];
            return_text?: boolean | null;
            /** @description true: the reward. Otherwise the score, calibrated to 0..1. */
            raw_scores?: boolean | null;
            /** @description Not looked at. */
            truncate?: unknown;
            /** @description Not looked at. */
            truncation_direction?: unknown;
        };
        TextInput: {
            id?: components["schemas"]["InputId"];
            /** @description Rendered by this model's own chat template; special tokens are honoured. */
            text: string;
        };
        /** @description Milliseconds. */
        Timing: {
            tokenize_ms: number;
            /** @description Of the conversation that finished last. */
            queue_ms: number;
            /** @description Of the batch that finished last. */
            run_ms: number;
            total_ms: number;
        };
        TokenLogprob: {
            /** @description Name of an objective, or `reward`. */
            token: string;
            /** @description Its rating, or the reward. */
            logprob: number;
            bytes: null;
            top_logprobs: unknown[];
        };
        TokensInput: {
            id?: components["schemas"]["InputId"];
            /** @description Ids of this model's own tokenizer, used as they are. */
            input_ids: number[];
        };
        Usage: {
            /** @description Tokens that the model read, after trimming. */
            tokens: number;
            /** @description Those up to and including the header of the answer. */
            prompt_tokens: number;
            response_tokens: number;
            /** @description Tokens cut from the left of the prompt. */
            trimmed_tokens: number;
            /** @description Tokens of repeats: answered from memory, or by joining the same work already under way. */
            cached_tokens: number;
        };
        VllmClassifyReply: {
            id: string;
            /** @enum {string} */
            object: "list";
            created: number;
            model: string;
            usage: components["schemas"]["VllmUsage"];
            data: {
                index: number;
                label: string;
                /** @description Ratings of the objectives that --extra-objectives names, and the reward as the last. */
                probs: number[];
                num_classes: number;
                /** @description Why this item could not be scored: its numbers stand in. Absent when it was. */
                error?: {
                    code: string;
                    message: string;
                };
            }[];
        };
        /**
         * @example {
         *       "model": "reward-model",
         *       "input": "<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n",
         *       "use_activation": false
         *     }
         */
        VllmClassifyRequest: {
            /** @description Not looked at: verl sends a path of its own. */
            model?: unknown;
            input?: components["schemas"]["Prompts"];
            messages?: components["schemas"]["ChatMessages"];
            use_activation?: boolean | null;
            activation?: boolean | null;
        };
        VllmError: {
            error: {
                message: string;
                type: string;
                param: string | null;
                code: number;
            };
        };
        VllmPoolingReply: {
            id: string;
            /** @enum {string} */
            object: "list";
            created: number;
            model: string;
            usage: components["schemas"]["VllmUsage"];
            data: {
                index: number;
                /** @enum {string} */
                object: "pooling";
                data: number[] | string;
                /** @description Why this item could not be scored: its numbers stand in. Absent when it was. */
                error?: {
                    code: string;
                    message: string;
                };
            }[];
        };
        VllmPoolingRequest: {
            /** @description Not looked at: verl sends a path of its own. */
            model?: unknown;
            input?: components["schemas"]["Prompts"];
            messages?: components["schemas"]["ChatMessages"];
            use_activation?: boolean | null;
            activation?: boolean | null;
            /** @description `classify` or nothing: there are no values of single tokens. */
            task?: unknown;
            /** @description `float` (default) or `base64`. */
            encoding_format?: unknown;
            /** @description `float32` (default). */
            embed_dtype?: unknown;
            /** @description `native` (default) or `little`. */
            endianness?: unknown;
        };
        VllmRerankReply: {
            id: string;
            model: string;
            usage: {
                prompt_tokens: number;
                total_tokens: number;
            };
            results: {
                /** @description Place in `documents`. */
                index: number;
                document: {
                    text: string;
                    multi_modal: null;
                };
                relevance_score: number;
                /** @description Why this item could not be scored: its numbers stand in. Absent when it was. */
                error?: {
                    code: string;
                    message: string;
                };
            }[];
        };
        VllmRerankRequest: {
            /** @description Not looked at. */
            model?: unknown;
            query: string;
            documents: string[];
            /** @description The best so many; 0: all. */
            top_n?: number | null;
            use_activation?: boolean | null;
            activation?: boolean | null;
        };
        VllmScoreReply: {
            id: string;
            /** @enum {string} */
            object: "list";
            created: number;
            model: string;
            usage: components["schemas"]["VllmUsage"];
            data: {
                index: number;
                /** @enum {string} */
                object: "score";
                score: number;
                /** @description Why this item could not be scored: its numbers stand in. Absent when it was. */
                error?: {
                    code: string;
                    message: string;
                };
            }[];
        };
        /** @description `queries` and `documents`, or by their older names `text_1`, `data_1` and `text_2`, `data_2`, `items`. */
        VllmScoreRequest: {
            /** @description Not looked at. */
            model?: unknown;
            queries?: string | string[];
            documents?: string | string[];
            text_1?: string | string[];
            text_2?: string | string[];
            data_1?: string | string[];
            data_2?: string | string[];
            items?: string | string[];
            use_activation?: boolean | null;
            activation?: boolean | null;
        };
        VllmUsage: {
            prompt_tokens: number;
            total_tokens: number;
            completion_tokens: number;
            prompt_tokens_details: null;
            completion_tokens_details: null;
        };
        XtunerRequest: {
            response: string;
            /** @description The ground truth: {"prompt": ...}, or the messages before the response. */
            label?: unknown;
            /** @description Where `label` has no prompt: {"prompt": ...}. */
            extra_info?: unknown;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
