// WebGL: outlines, fills, points and density of nuclei over the picture. One colour per nucleus, in a texture.
const WIDTH = 2048; // of the texture of colours

export class Painter {
  constructor(canvas, shaders) {
    Object.assign(this, { canvas, programs: {} });
    this.gl = canvas.getContext("webgl2", { stencil: true, antialias: false, premultipliedAlpha: true });
    if (!this.gl) throw new Error("This browser has no WebGL 2, which draws the nuclei. Switch hardware acceleration on, or use another browser.");
    const cut = (text) => [text.split("\n", 1)[0], text.slice(text.indexOf("\n") + 1)];
    const { head, place, ...part } = Object.fromEntries(shaders.split(/^\/{4} /m).slice(1).map(cut)), kinds = ["line", "fill", "point", "density"];
    for (const kind of kinds) this.programs[kind] = this.program(head + place + part[`${kind} vertex`], head + part[`${kind} fragment`]);
    this.gl.enable(this.gl.BLEND); this.gl.blendFunc(this.gl.ONE, this.gl.ONE_MINUS_SRC_ALPHA);
  }

  program(vertex, fragment) {
    const { gl } = this, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text); gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    ["a", "nucleus"].forEach((name, i) => gl.bindAttribLocation(program, i, name));
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    return { program, at: (name) => gl.getUniformLocation(program, name) };
  }

  begin(view) {
    const { gl, canvas } = this, { width, height } = this.view = view;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    gl.viewport(0, 0, width, height); gl.clear(gl.COLOR_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
  }
  /** Colours of a layer as a texture: 4 bytes for each nucleus. */
  colours(old, rgba) {
    const height = Math.max(1, Math.ceil(rgba.length / 4 / WIDTH)), padded = new Uint8Array(4 * WIDTH * height);
    padded.set(rgba);
    return this.picture(old, WIDTH, height, padded, this.gl.NEAREST);
  }

  picture(old, width, height, data, filter = this.gl.LINEAR) {
    const { gl } = this, texture = old ?? gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    const [inside, type] = data instanceof Float32Array ? [gl.RGBA32F, gl.FLOAT] : [gl.RGBA, gl.UNSIGNED_BYTE];
    gl.texImage2D(gl.TEXTURE_2D, 0, inside, width, height, 0, gl.RGBA, type, data);
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, filter);
    for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, wrap, gl.CLAMP_TO_EDGE);
    return texture;
  }
  /** An outline cell as a texture of points: x, y, nucleus, place of the ring's first point; every ring is closed. */
  load(cell) {
    const { index, start, xy } = cell, total = xy.length / 2 + index.length, rows = Math.ceil((total + 1) / WIDTH);
    const data = new Float32Array(4 * WIDTH * rows).fill(-1);
    index.forEach((nucleus, i) => {
      for (let p = start[i]; p <= start[i + 1]; p++) {
        const from = p < start[i + 1] ? p : start[i];
        data.set([xy[2 * from], xy[2 * from + 1], nucleus, start[i] + i], 4 * (p + i));
      }
    });
    cell.loaded = { points: this.picture(null, WIDTH, rows, data, this.gl.NEAREST), segments: total, ...reach(cell) };
    cell.free = () => this.gl.deleteTexture(cell.loaded.points);
  }
  /** Free what a layer that is no longer shown holds. */
  forget({ points, texture, densityTexture }) {
    if (points) this.gl.deleteVertexArray(points);
    for (const one of [texture, densityTexture]) if (one) this.gl.deleteTexture(one);
  }

  use(name, colours, x, y, uniforms) {
    const { gl, view } = this, { program, at } = this.programs[name];
    gl.useProgram(program); gl.bindTexture(gl.TEXTURE_2D, colours);
    gl.uniform2f(at("origin"), x - view.x, y - view.y);
    gl.uniform1i(at("points"), 1);
    gl.uniform2f(at("size"), view.width, view.height); gl.uniform1f(at("scale"), view.scale);
    for (const [key, value] of Object.entries(uniforms)) gl.uniform1f(at(key), value);
    return at;
  }
  /** Outlines, drawn of triangles of which the shader looks up the points: where there is no GPU, instances are far slower. */
  outlines(cells, colours, { opacity, fill, width }) {
    const { gl } = this, { x0, y0, x1, y1 } = this.view.box;
    for (const cell of cells) {
      if (!cell.loaded) this.load(cell);
      const { points, segments, left, top, right, bottom } = cell.loaded;
      if (right < x0 || left > x1 || bottom < y0 || top > y1) continue;
      gl.activeTexture(gl.TEXTURE1); gl.bindTexture(gl.TEXTURE_2D, points); gl.activeTexture(gl.TEXTURE0);
      if (fill > 0) { // odd overlaps of the triangles from a ring's first point are its inside
        this.use("fill", colours, cell.x, cell.y, { opacity: fill });
        gl.enable(gl.STENCIL_TEST);
        for (const [shown, test, then] of [[false, gl.ALWAYS, gl.INVERT], [true, gl.EQUAL, gl.ZERO]]) {
          gl.colorMask(shown, shown, shown, shown);
          gl.stencilFunc(test, 1, 1); gl.stencilOp(then, then, then);
          gl.drawArrays(gl.TRIANGLES, 0, 3 * segments);
        }
        gl.disable(gl.STENCIL_TEST);
      }
      this.use("line", colours, cell.x, cell.y, { opacity, width });
      gl.drawArrays(gl.TRIANGLES, 0, 6 * segments);
    }
  }

  points(nuclei, runs, colours, opacity, width) {
    const { gl } = this;
    if (!nuclei.points) {
      nuclei.points = gl.createVertexArray();
      gl.bindVertexArray(nuclei.points);
      const xy = new Float32Array(2 * nuclei.count);
      nuclei.order.forEach((key, i) => { xy[2 * i] = nuclei.x[key]; xy[2 * i + 1] = nuclei.y[key]; });
      for (const [location, data] of [xy, nuclei.order].entries()) {
        gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer()); gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
        gl.enableVertexAttribArray(location);
        if (location) gl.vertexAttribIPointer(location, 1, gl.UNSIGNED_INT, 0, 0);
        else gl.vertexAttribPointer(location, 2, gl.FLOAT, false, 0, 0);
      }
    }
    gl.bindVertexArray(nuclei.points);
    this.use("point", colours, 0, 0, { opacity, width });
    for (const [from, to] of runs) if (to > from) gl.drawArrays(gl.POINTS, from, to - from);
    gl.bindVertexArray(null);
  }

  density(map, { width, height }, opacity) {
    const at = this.use("density", map, 0, 0, { opacity });
    this.gl.uniform2f(at("extent"), width, height);
    this.gl.drawArrays(this.gl.TRIANGLE_STRIP, 0, 4);
  }
}

/** The box that the outlines of a cell lie in, in level-0 px. */
function reach({ x, y, xy }) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < xy.length; i += 2) {
    left = Math.min(left, x + xy[i]); right = Math.max(right, x + xy[i]);
    top = Math.min(top, y + xy[i + 1]); bottom = Math.max(bottom, y + xy[i + 1]);
  }
  return { left, top, right, bottom };
}
